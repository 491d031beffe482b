"""The commands about signing in: `needle login-link`, `needle sessions`, `needle tokens`."""

from __future__ import annotations

from collections.abc import Callable

import click

from cli.terminal import PATH


def instance_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which Needle is meant."""
    command = click.option("--url", help="Address of Needle (default: what runs here).")(command)
    return click.option("--data", type=PATH, help="Data folder of the Needle that is meant.")(
        command
    )


@click.command("login-link")
@click.option(
    "--role",
    type=click.Choice(["viewer", "operator"]),
    default="operator",
    show_default=True,
    help="A viewer may look and change nothing.",
)
@click.option("--no-qr", is_flag=True, help="Draw no QR code.")
@click.option("--json", "as_json", is_flag=True, help="As JSON: url, role, seconds.")
@instance_options
def login_link(role: str, no_qr: bool, as_json: bool, url: str | None, data: str | None) -> None:
    """Make a link that signs one browser in, with its QR code for a phone."""
    from cli.access import login_link
    from cli.client import connect, people_address

    address = people_address(url, data)
    login_link(connect(url, data), address, role, with_code=not no_qr, as_json=as_json)


@click.group()
def sessions() -> None:
    """Browsers that are signed in."""


@sessions.command("list")
@click.option("--json", "as_json", is_flag=True, help="As the JSON API gives it.")
@instance_options
def sessions_list(as_json: bool, url: str | None, data: str | None) -> None:
    """Show who is signed in, since when, from where."""
    from cli.access import sessions_list
    from cli.client import connect

    sessions_list(connect(url, data), as_json=as_json)


@sessions.command("revoke")
@click.argument("session_id")
@click.option("--json", "as_json", is_flag=True, help="As the JSON API gives it.")
@instance_options
def sessions_revoke(session_id: str, as_json: bool, url: str | None, data: str | None) -> None:
    """Sign a browser out; its live pages end at once."""
    from cli.access import sessions_revoke
    from cli.client import connect

    sessions_revoke(connect(url, data), session_id, as_json=as_json)


@click.group()
def tokens() -> None:
    """API tokens, for programs."""


@tokens.command("create")
@click.option(
    "--scope",
    type=click.Choice(["read", "operate"]),
    required=True,
    help="read: look. operate: also start, stop and change.",
)
@click.option("--name", default="", help="What it is for.")
@click.option("--json", "as_json", is_flag=True, help="As the JSON API gives it.")
@instance_options
def tokens_create(scope: str, name: str, as_json: bool, url: str | None, data: str | None) -> None:
    """Make an API token; it is shown this once."""
    from cli.access import tokens_create
    from cli.client import connect

    tokens_create(connect(url, data), scope, name, as_json=as_json)


@tokens.command("list")
@click.option("--json", "as_json", is_flag=True, help="As the JSON API gives it.")
@instance_options
def tokens_list(as_json: bool, url: str | None, data: str | None) -> None:
    """Show the API tokens, without what they are."""
    from cli.access import tokens_list
    from cli.client import connect

    tokens_list(connect(url, data), as_json=as_json)


@tokens.command("revoke")
@click.argument("token_id")
@click.option("--json", "as_json", is_flag=True, help="As the JSON API gives it.")
@instance_options
def tokens_revoke(token_id: str, as_json: bool, url: str | None, data: str | None) -> None:
    """Make an API token worthless."""
    from cli.access import tokens_revoke
    from cli.client import connect

    tokens_revoke(connect(url, data), token_id, as_json=as_json)

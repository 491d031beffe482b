"""The command `needle`.  Each subcommand imports what it needs when it is called."""

from __future__ import annotations

import click

from cli.access_commands import instance_options, login_link, sessions, tokens
from cli.terminal import PATH
from cli.worker_commands import events, inspect, purge_queue, revoke, shutdown
from wire.missing import DAYS_MAX


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="needle")
def main() -> None:
    """Watch the Celery workers that scan your music library."""


@main.command()
@click.argument("music_dir", nargs=-1, type=PATH)
@click.option("--host", help="Address of the page (default: NEEDLE_HOST, else 127.0.0.1).")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Its port (default: NEEDLE_PORT, else 8787)."
)
@click.option("--data", type=PATH, help="Data folder (default: NEEDLE_DATA, else the user's own).")
@click.option("--lan", is_flag=True, help="Let other devices of the local network open the page.")
@click.option("--tls-cert", type=PATH, help="Certificate (PEM): serve the page by HTTPS.")
@click.option("--tls-key", type=PATH, help="Its private key (PEM).")
def up(
    music_dir: tuple[str, ...],
    host: str | None,
    port: int | None,
    data: str | None,
    lan: bool,
    tls_cert: str | None,
    tls_key: str | None,
) -> None:
    """Start Needle on MUSIC_DIR and keep it running; without one, on a demo library.

    Starts Redis (unless NEEDLE_REDIS_URL names one), a worker and the page.
    """
    from cli.up import up

    if lan and host is not None:
        raise click.UsageError("--lan listens on every address: leave --host out")
    up(
        music_dir,
        host="0.0.0.0" if lan else host,  # noqa: S104 - that is what was asked for
        port=port,
        data=data,
        tls_cert=tls_cert,
        tls_key=tls_key,
    )


for _command in (login_link, sessions, tokens, events, inspect, purge_queue, revoke, shutdown):
    main.add_command(_command)


@main.command()
@click.argument("folder", required=False, metavar="[DIR]", type=PATH)
@click.option("--full", "mode", flag_value="full", help="Read every file again, changed or not.")
@click.option("--normal", "mode", flag_value="normal", help="Compare every file, skip no folder.")
@click.option("--retry", "mode", flag_value="retry", help="Read what was a problem again.")
@click.option("--anyway", is_flag=True, help="Mark missing files, however many there are.")
@click.option("--wait", is_flag=True, help="Follow the scan to its end.")
@instance_options
@click.pass_context
def scan(
    context: click.Context,
    folder: str | None,
    mode: str | None,
    anyway: bool,
    wait: bool,
    url: str | None,
    data: str | None,
) -> None:
    """Scan DIR, which may be a file, or all music folders: what has changed in them.

    With --wait the exit code is 1 when the scan failed, 2 when it finished with problems.
    """
    from cli.client import connect
    from cli.scan import scan

    context.exit(scan(connect(url, data), folder, mode or "quick", anyway=anyway, wait=wait))


@main.command()
@click.argument("scan_id")
@instance_options
def stop(scan_id: str, url: str | None, data: str | None) -> None:
    """Stop a scan; what is stored is kept."""
    from cli.client import connect
    from cli.scan import stop

    stop(connect(url, data), scan_id)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="As the JSON API gives it.")
@instance_options
def status(as_json: bool, url: str | None, data: str | None) -> None:
    """Show how Redis, workers, folders and scans are."""
    from cli.client import connect
    from cli.status import status

    status(connect(url, data), as_json=as_json)


@main.command()
@click.argument("scan_id")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV.")
@instance_options
def problems(scan_id: str, as_csv: bool, url: str | None, data: str | None) -> None:
    """List the files of a scan that are not, or not wholly, in the catalog."""
    from cli.client import connect
    from cli.status import problems

    problems(connect(url, data), scan_id, as_csv=as_csv)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="As the JSON API gives it.")
@click.option("--apply", "action", flag_value="apply", help="Set the recommended limits.")
@click.option("--undo", "action", flag_value="undo", help="Undo the last change of the limits.")
@click.option("--reset", "action", flag_value="reset", help="Measure anew; history stays.")
@click.option("--lang", type=click.Choice(["en", "fr"]), help="Language (default: the locale's).")
@instance_options
def sizes(
    as_json: bool, action: str | None, lang: str | None, url: str | None, data: str | None
) -> None:
    """Show how large the arguments of tasks are, and which limit to set for showing them.

    Reads the Redis that NEEDLE_REDIS_URL names; without it, asks the Needle that runs here.
    """
    from cli.size_sources import source
    from cli.sizes import sizes

    sizes(source(url, data), action, lang, as_json=as_json)


@main.command()
@click.option("--root", "folder", metavar="DIR", type=PATH, help="Only of this music folder.")
@click.option(
    "--older-than",
    type=click.IntRange(0, DAYS_MAX),
    default=0,
    metavar="DAYS",
    help="Only what is missing for so many days.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@instance_options
def purge(
    folder: str | None, older_than: int, yes: bool, url: str | None, data: str | None
) -> None:
    """Forget files that are gone: show which, ask, delete them from the catalog.

    Nothing on disk is touched.  (Messages of a queue: `needle purge-queue`.)
    """
    from cli.client import connect
    from cli.purge import purge

    purge(connect(url, data), folder, older_than_days=older_than, yes=yes)


@main.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "csv"]),
    default="json",
    show_default=True,
    help="JSON Lines, or CSV without formulas.",
)
@click.option(
    "--table",
    type=click.Choice(["tracks", "albums", "artists", "files", "outcomes"]),
    default="tracks",
    show_default=True,
    help="What to export.",
)
@click.option("--scan", "scan_id", default="", metavar="SCAN", help="Of outcomes: of this scan.")
@click.option("--output", type=PATH, default="-", help="File to write, - for standard output.")
@click.option("--data", type=PATH, help="Data folder of the Needle that is meant.")
def export(form: str, table: str, scan_id: str, output: str, data: str | None) -> None:
    """Write what is in the catalog, row by row; Needle need not run."""
    from cli.export import export

    export(data, form, table, output, scan_id)


@main.command()
@click.option("--output", type=PATH, help="File to make (default: in the data folder, by time).")
@click.option("--data", type=PATH, help="Data folder of the Needle that is meant.")
def backup(output: str | None, data: str | None) -> None:
    """Copy the catalog to a file and check the copy; also while a scan runs."""
    from cli.backup import backup

    backup(data, output)


if __name__ == "__main__":
    main()

"""The command `needle`.  Each subcommand imports what it needs when it is called."""

from __future__ import annotations

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="needle")
def main() -> None:
    """Watch the Celery workers that scan your music library."""


@main.command()
@click.argument("music_dir", nargs=-1, type=click.Path())
@click.option("--host", help="Address of the page (default: NEEDLE_HOST, else 127.0.0.1).")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Its port (default: NEEDLE_PORT, else 8787)."
)
@click.option(
    "--data", type=click.Path(), help="Data folder (default: NEEDLE_DATA, else the user's own)."
)
def up(music_dir: tuple[str, ...], host: str | None, port: int | None, data: str | None) -> None:
    """Start Needle on MUSIC_DIR and keep it running; without one, on a demo library.

    Starts Redis (unless NEEDLE_REDIS_URL names one), a worker and the page.
    """
    from cli.up import up

    up(music_dir, host, port, data)


if __name__ == "__main__":
    main()

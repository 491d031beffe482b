"""The commands that speak to Celery workers over Redis."""

from __future__ import annotations

from collections.abc import Callable

import click

from cli.terminal import PATH


def broker_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of commands that speak to workers over their Redis."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="As JSON."),
        click.option(
            "--timeout",
            type=click.FloatRange(0.1, 60),
            default=2.0,
            show_default=True,
            metavar="SECONDS",
            help="Seconds to wait for answers.",
        ),
        click.option("--data", type=PATH, help="Data folder of the Needle that is meant."),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("what", type=click.Choice(["active", "registered", "stats", "ping"]))
@click.argument("workers", nargs=-1, metavar="[WORKER]...")
@broker_options
def inspect(
    what: str, workers: tuple[str, ...], as_json: bool, timeout: float, data: str | None
) -> None:
    """Ask workers what they run (active), know (registered), did (stats), or just to answer (ping).

    This and the next commands speak to any Celery worker, over the Redis that NEEDLE_REDIS_URL
    names; without it, over that of the Needle that runs here.  An answer comes from a worker's
    main process: it says nothing about its pool.
    """
    from cli.brokers import broker
    from cli.workers import inspect

    inspect(broker(data), what, workers, timeout, as_json)


@click.command()
@click.argument("task_ids", nargs=-1, required=True, metavar="TASK_ID...")
@click.option("--terminate", is_flag=True, help="Kill the process that runs it (prefork only).")
@broker_options
def revoke(
    task_ids: tuple[str, ...], terminate: bool, as_json: bool, timeout: float, data: str | None
) -> None:
    """Have the workers that run now not begin a task.

    A task that runs already goes on without --terminate.  A scan is stopped by `needle stop`.
    """
    from cli.brokers import broker
    from cli.workers import revoke

    revoke(broker(data), task_ids, terminate, timeout, as_json)


@click.command()
@click.argument("workers", nargs=-1, metavar="[WORKER]...")
@broker_options
def shutdown(workers: tuple[str, ...], as_json: bool, timeout: float, data: str | None) -> None:
    """Ask workers (all, if none is named) to end after the tasks they run."""
    from cli.brokers import broker
    from cli.workers import shutdown

    shutdown(broker(data), workers, timeout, as_json)


@click.command()
@click.argument("switch", type=click.Choice(["on", "off"]))
@click.argument("workers", nargs=-1, metavar="[WORKER]...")
@broker_options
def events(
    switch: str, workers: tuple[str, ...], as_json: bool, timeout: float, data: str | None
) -> None:
    """Switch Celery's events, which other monitors need, on or off.  Needle needs none."""
    from cli.brokers import broker
    from cli.workers import events

    events(broker(data), switch == "on", workers, timeout, as_json)


@click.command("purge-queue")
@click.argument("queue")
@click.option("--yes", is_flag=True, help="Do not ask for the queue's name.")
@broker_options
def purge_queue(queue: str, yes: bool, as_json: bool, timeout: float, data: str | None) -> None:
    """DANGEROUS: delete the messages that wait in QUEUE, after its name was typed.

    What workers have already is left to them.  (Files that are gone: `needle purge`.)
    """
    from cli.brokers import broker
    from cli.queues import purge_queue

    purge_queue(broker(data), queue, yes=yes, timeout=timeout, as_json=as_json)

"""`needle inspect`, `revoke`, `shutdown` and `events`: what workers say, and what they are told."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cli.brokers import Broker
from cli.remote import Answers, Remote
from cli.terminal import Failure, complain, say
from wire.redaction import cut, redacted

#: Characters of arguments that are shown.
ARGUMENT_CHARS = 120
#: Seconds for which a worker's end is waited for.
END_SECONDS = 10.0
WORD_CHARS = 300


def inspect(
    broker: Broker, what: str, workers: Sequence[str], timeout: float, as_json: bool
) -> None:
    """Show what workers say of themselves: `active`, `registered`, `stats` or `ping`.

    Raises Failure when nobody answers.
    """
    answers = Remote(broker, timeout).ask(what, workers=_named(workers))
    replies = {name: _shown(reply) for name, reply in sorted(answers.replies.items())}
    if as_json:
        document = {"workers": replies, "silent": list(answers.silent)}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        for name, reply in replies.items():
            for line in _LINES[what](name, reply):
                say(line)
    _tell_silence(answers)


def revoke(
    broker: Broker, task_ids: Sequence[str], terminate: bool, timeout: float, as_json: bool
) -> None:
    """Have workers refuse tasks; with `terminate` also kill the processes that run them.

    Raises Failure when nobody answers: nobody remembers a revocation then.
    """
    remote, ids = Remote(broker, timeout), list(_named(task_ids))
    running = _running(remote.ask("query_task", {"ids": ids}).replies)
    order = {"task_id": ids, "terminate": terminate, "signal": "SIGTERM"}
    answers = remote.ask("revoke", order)
    if as_json:
        document = {"workers": dict(answers.replies), "silent": list(answers.silent)}
        sys.stdout.write(json.dumps(document | {"running": running}, indent=2) + "\n")
    elif answers.replies:
        for line in _revoked(ids, running, terminate):
            say(line)
    for name, reply in answers.replies.items():
        if isinstance(reply, dict) and "error" in reply:
            complain(f"{name} could not do it: {reply['error']}")
    if not answers.replies:
        raise Failure(
            f"{_nobody(answers)}. Nobody has noted the revocation: repeat it when a worker runs"
        )
    action = "task.terminated" if terminate else "task.revoked"
    remote.run(lambda client: broker.note(client, action, ids))
    _tell_silence(answers)


def shutdown(broker: Broker, workers: Sequence[str], timeout: float, as_json: bool) -> None:
    """Ask workers (none named: all) to end after their tasks.

    Raises Failure when nobody answers.
    """
    remote = Remote(broker, timeout)
    present = remote.ask("ping", workers=_named(workers))
    if not present.replies:
        _tell_silence(present)
    names = sorted(present.replies)
    remote.tell("shutdown", names)
    remote.run(lambda client: broker.note(client, "worker.shutdown_asked", names))
    left, until = set(names), time.monotonic() + END_SECONDS
    while left and time.monotonic() < until:
        time.sleep(0.1)
        left &= set(remote.listening())
    if as_json:
        document = {
            "asked": names,
            "ended": sorted(set(names) - left),
            "silent": list(present.silent),
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        for name in names:
            say(f"{name} " + ("was asked to end, after its tasks" if name in left else "has ended"))
        if broker.supervised:
            say("`needle up` starts its worker again: stop `needle up` to end it for good")
    _tell_silence(present)


def events(broker: Broker, on: bool, workers: Sequence[str], timeout: float, as_json: bool) -> None:
    """Switch Celery's events on or off.  Raises Failure when nobody answers."""
    remote = Remote(broker, timeout)
    command = "enable_events" if on else "disable_events"
    answers = remote.ask(command, workers=_named(workers))
    if as_json:
        document = {"workers": dict(answers.replies), "silent": list(answers.silent)}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        for name in sorted(answers.replies):
            say(f"{name}: events are {'on' if on else 'off'}")
    if answers.replies:
        action = "worker.events_on" if on else "worker.events_off"
        remote.run(lambda client: broker.note(client, action, sorted(answers.replies)))
    _tell_silence(answers)


def _named(words: Sequence[str]) -> tuple[str, ...]:
    """Names as they were given, each once.  Raises Failure for what cannot be one."""
    for word in words:
        if not word or len(word) > WORD_CHARS or not word.isprintable():
            raise Failure(f"{cut(word, 60)!r} is no name of a worker and no id of a task")
    return tuple(dict.fromkeys(words))


def _tell_silence(answers: Answers) -> None:
    """Say who gave no answer; raises Failure when nobody did."""
    if not answers.replies:
        raise Failure(
            f"{_nobody(answers)}. That does not mean that none runs: it may be starting, "
            "frozen, or cut off from Redis"
        )
    for name in answers.silent:
        seconds = f"{answers.timeout_seconds:g} s"
        complain(f"{name} gave no answer within {seconds}: whether it runs is unknown")


def _nobody(answers: Answers) -> str:
    named = f" ({', '.join(answers.silent)})" if answers.silent else ""
    return f"no worker answered within {answers.timeout_seconds:g} s{named}"


def _shown(reply: Any) -> Any:
    """A reply without the secrets that arguments of tasks may hold."""
    if not isinstance(reply, list):
        return reply
    return [
        {k: redacted(v, 1000) if k in ("args", "kwargs") else v for k, v in task.items()}
        if isinstance(task, dict)
        else task
        for task in reply
    ]


def _running(replies: Any) -> dict[str, str]:
    """Task id -> the worker that runs it."""
    return {
        task_id: name
        for name, tasks in replies.items()
        if isinstance(tasks, dict)
        for task_id, found in tasks.items()
        if isinstance(found, list) and found[:1] == ["active"]
    }


def _revoked(ids: Sequence[str], running: dict[str, str], terminate: bool) -> Iterator[str]:
    for task_id in ids:
        if task_id not in running:
            yield f"{task_id} is revoked: workers that run now will not begin it"
        elif terminate:
            yield f"{task_id} runs on {running[task_id]}: its process was told to end (SIGTERM)"
        else:
            yield f"{task_id} runs on {running[task_id]} and goes on: --terminate ends it"


def _ping_lines(name: str, reply: Any) -> Iterator[str]:
    good = isinstance(reply, dict) and reply.get("ok") == "pong"
    yield f"{name} answers" + ("" if good else f": {reply}")


def _registered_lines(name: str, reply: Any) -> Iterator[str]:
    tasks = sorted(map(str, reply)) if isinstance(reply, list) else []
    yield f"{name}: {len(tasks)} {'task' if len(tasks) == 1 else 'tasks'}"
    yield from (f"  {task}" for task in tasks)


def _active_lines(name: str, reply: Any) -> Iterator[str]:
    tasks = reply if isinstance(reply, list) else []
    yield f"{name}: {len(tasks) or 'no'} running {'task' if len(tasks) == 1 else 'tasks'}"
    for task in tasks:
        since = task.get("time_start")
        seconds = f"{time.time() - since:.1f} s" if isinstance(since, (int, float)) else "not begun"
        arguments = cut(f"{task.get('args')} {task.get('kwargs')}", ARGUMENT_CHARS)
        pid = task.get("worker_pid")
        yield f"  {task.get('id')} {task.get('name')}, {seconds}, pid {pid}: {arguments}"


def _stats_lines(name: str, reply: Any) -> Iterator[str]:
    stats = reply if isinstance(reply, dict) else {}
    pool = stats.get("pool") or {}
    yield f"{name}: pid {stats.get('pid')}, up {stats.get('uptime')} s"
    yield (
        f"  pool of {pool.get('max-concurrency')} ({pool.get('implementation')}), "
        f"processes {pool.get('processes')}, prefetch {stats.get('prefetch_count')}"
    )
    for task, count in sorted((stats.get("total") or {}).items()):
        yield f"  {count:>9,} {task}"


_LINES: dict[str, Callable[[str, Any], Iterator[str]]] = {
    "ping": _ping_lines,
    "registered": _registered_lines,
    "active": _active_lines,
    "stats": _stats_lines,
}
INSPECTIONS = tuple(_LINES)

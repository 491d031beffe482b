"""The report of sizes in lines, as the terminal prints it and a worker logs it when it ends."""

from __future__ import annotations

from collections.abc import Iterator

from wire.payloads import CELERY_LIMIT
from wire.sentences import Figure, Sentence
from wire.size_alerts import size_alerts
from wire.size_report import KindReport, SizeReport
from wire.sizes import TABLE

#: Kinds of tasks that get a line of their own.
TASKS_SHOWN = 20


def report_lines(report: SizeReport) -> Iterator[Sentence]:
    """Headline, answer, figures, advice, table."""
    yield Sentence("=== CELERY SIZE METRICS ===")
    yield report.answer()
    if report.together.analysed:
        yield from summary_lines(report)
        yield from _advice(report)
        yield from (alert.told for alert in size_alerts(report)[:TASKS_SHOWN])
        yield from _tasks(report)
    yield from _limits(report)
    yield Sentence("Limits to choose from:")
    for step in TABLE:
        yield Sentence(
            "- up to %(limit)s characters needed: %(limit)s (%(title)s). %(why)s",
            {"limit": step.limit, "title": step.title, "why": step.justification},
        )
    yield Sentence("- more: the next power of two. Better move the payload out of the message.")


def summary_lines(report: SizeReport) -> Iterator[Sentence]:
    """What was measured altogether, and which limit to set."""
    together = report.together
    args, kwargs = together.args, together.kwargs
    yield Sentence("Tasks analysed: %(analysed)s", {"analysed": together.analysed})
    yield Sentence("Largest args: %(chars)s characters", {"chars": args.chars.largest or 0})
    yield Sentence("Largest kwargs: %(chars)s characters", {"chars": kwargs.chars.largest or 0})
    yield Sentence("Mean args: %(chars)s characters", {"chars": args.chars.mean or 0})
    yield Sentence("Mean kwargs: %(chars)s characters", {"chars": kwargs.chars.mean or 0})
    yield Sentence("Cut tasks: %(cut)s", {"cut": together.cut})
    if task := report.largest_task:
        queue = task.larger.longest.queue if task.larger.longest else ""
        yield Sentence(
            "Largest task: %(task)s (%(kind)s), queue %(queue)s",
            {"task": task.task, "kind": task.larger.kind, "queue": queue or "?"},
        )
    for kind in (args, kwargs):
        yield from _recommended(kind)


def _recommended(kind: KindReport) -> Iterator[Sentence]:
    if kind.advised.limit is not None:
        yield Sentence(
            "Recommended limit for %(kind)s: %(limit)s characters (needed: %(need)s)",
            {"kind": kind.kind, "limit": kind.advised.limit, "need": kind.advised.need},
        )


def _advice(report: SizeReport) -> Iterator[Sentence]:
    """Why, what is better than a limit, and what the limit costs."""
    kinds = (report.together.args, report.together.kwargs)
    advised = max(kinds, key=lambda kind: kind.advised.need).advised
    yield advised.why()
    if advised.should_move:
        yield from advised.advice()[:-1]
    yield advised.price()


def _tasks(report: SizeReport) -> Iterator[Sentence]:
    yield Sentence("By task:")
    for task in report.tasks[:TASKS_SHOWN]:
        yield Sentence(
            "- %(task)s: %(analysed)s analysed, largest args %(args)s, kwargs %(kwargs)s, cut "
            "%(cut)s",
            {
                "task": task.task,
                "analysed": task.analysed,
                "args": task.args.chars.largest or 0,
                "kwargs": task.kwargs.chars.largest or 0,
                "cut": task.cut,
            },
        )
    if len(report.tasks) > TASKS_SHOWN:
        yield Sentence("- and %(more)s more", {"more": len(report.tasks) - TASKS_SHOWN})


def _limits(report: SizeReport) -> Iterator[Sentence]:
    now = report.in_force
    figures: dict[str, Figure] = {
        "args": now.args, "kwargs": now.kwargs, "who": now.set_by,
    }  # fmt: skip
    if report.limits is None:
        yield Sentence(
            "Limits in force: those of the applications (Celery's own is %(limit)s)",
            {"limit": CELERY_LIMIT},
        )
    elif now.automatic:
        yield Sentence("Limits in force: args %(args)s, kwargs %(kwargs)s, automatic mode", figures)
    else:
        yield Sentence("Limits in force: args %(args)s, kwargs %(kwargs)s, set by %(who)s", figures)

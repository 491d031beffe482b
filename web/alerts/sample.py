"""The file of rules as `needle up` first writes it: everything is a comment."""

from __future__ import annotations

from web.alerts.measures import MEASURES
from web.alerts.rules import DAY, HOUR, MINUTE, RULES, Rule

_HEAD = """\
# Rules of alerts, and who is told.  Needle reads this file again when it changes; the page of
# alerts says when something in it is wrong.  Every line below is what holds anyway: take away
# the "# " of what you want to change.  docs/operate.md explains the rules.

# Who is told: addresses in the form of apprise, such as
#   "ntfys://ntfy.example.org/needle", "mailto://user:password@example.org", "slack://…"
# notify = []

# An alert that goes on, and that nobody has seen, is told again after this time ("0 s": never).
# repeat = "1 d"

# A rule of your own:
# [rules.covers-wait]
# measure = "queue_depth"
# subject = "covers"
# above = 500
# for = "30 min"
# severity = "info"
"""


def sample() -> str:
    """The text of a file that changes nothing."""
    return "\n".join([_HEAD, *map(_table, RULES)])


def _table(rule: Rule) -> str:
    lines = [
        MEASURES[rule.measure].help,
        f"[rules.{rule.name}]",
        f"{'below' if rule.below else 'above'} = {rule.threshold:.12g}",
        *([] if rule.clear is None else [f"clear = {rule.clear:.12g}"]),
        f'for = "{span(rule.for_seconds)}"',
        f'severity = "{rule.severity}"',
        "enabled = true",
    ]
    return "".join(f"# {line}\n" for line in lines)


def span(seconds: float) -> str:
    """A time as the file writes it: `10 min`."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds and seconds % unit == 0:
            return f"{seconds / unit:g} {name}"
    return f"{seconds:g} s"

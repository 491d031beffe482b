"""`needle sizes`: the report of message sizes, and what can be done about it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping

from cli.client import Document
from cli.size_sources import Source
from cli.terminal import Failure, say
from web import messages
from web.telling import Teller, teller
from wire.sentences import Sentence
from wire.size_report import Verdict


def sizes(source: Source, action: str | None, language: str | None, *, as_json: bool) -> None:
    """Do `action` (`apply`, `undo`, `reset`), or without one print the report.

    Raises Failure: nobody answers, nothing was measured, or there is nothing to undo.
    """
    language = language or locale_language(os.environ)
    tell = teller(messages.load(language).gettext, language)
    match action:
        case "apply":
            _apply(source, tell)
        case "undo":
            limits = source.undo()
            say(tell(_in_force(limits)))
        case "reset":
            source.reset()
            say(tell(Sentence("Measuring begins anew. The history by day and the limits stay.")))
        case _ if as_json:
            sys.stdout.write(json.dumps(source.report(), indent=2) + "\n")
        case _:
            for line in source.text(language).splitlines():
                say(line)


def locale_language(environ: Mapping[str, str]) -> str:
    """`fr` where the locale is French, else `en`."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environ[name] for name in names if environ.get(name)), "")
    return "fr" if locale.lower().startswith("fr") else "en"


def _apply(source: Source, tell: Teller) -> None:
    report = source.report()
    if report["verdict"] == Verdict.NOTHING_MEASURED:
        raise Failure(tell(Sentence("Nothing was measured yet, so nothing is recommended.")))
    wanted, now = report["recommended"], report["limits"]
    if (wanted["args"], wanted["kwargs"]) == (now["args"], now["kwargs"]):
        say(tell(Sentence("The recommended limits are in force already.")))
        return
    say(tell(_in_force(source.set_limits(wanted["args"], wanted["kwargs"]))))


def _in_force(limits: Document) -> Sentence:
    if not limits["set"]:
        return Sentence("Each application has its own limits again, within 5 s.")
    return Sentence(
        "In force in every running process within 5 s: args %(args)s, kwargs %(kwargs)s.",
        {"args": limits["args"], "kwargs": limits["kwargs"]},
    )

"""Sentences that workers and this process say in English, in the reader's words.

They arrive as text (a scan's reason, a folder's message, a note of the watcher).  What is not
one of the sentences below is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

#: Longer text is none of ours: a path is shown with at most a few thousand characters.
LONGEST_CHARS = 20_000

#: Who asked for something, by the key in events.
ACTORS = {
    "system": "Needle",
    "page": "the page",
    "api": "the API",
    "terminal": "the terminal",
    "schedule": "the schedule",
    "watch": "the watching of folders",
    "quiet hours": "the quiet hours",
    "automatic": "the automatic mode",
}

#: Whatever is said; of several that fit the first counts.
SENTENCES = (
    "Paused by quiet hours until %(time)s.",
    "Paused by %(actor)s.",
    "Stopped by %(actor)s before it began.",
    "stopped by %(actor)s before it began",
    "Stopped by %(actor)s.",
    "%(path)s is empty. Is the disk mounted?",
    "%(path)s is no longer on a disk of its own. Is it mounted?",
    "%(path)s was unmounted while it was scanned.",
    "%(path)s leads out of the music folder.",
    "Looking for files was begun %(times)d times and never ended: see the log.",
    "%(path)s cannot be read: %(error)s.",
    "%(gone)d of %(known)d known files are gone, as if a disk were not mounted: "
    "nothing was marked missing.",
    "The folder holds no music any more, but %(gone)d of its files are known: "
    "nothing was marked missing.",
    "Some folders could not be read, so no file was marked missing.",
    "no worker is configured with this music folder (NEEDLE_MUSIC)",
    "another scan of this folder is running: %(scan)s",
    "Redis did not take the task. Is it running?",
    "Redis has not answered yet.",
    "%(path)s is not watched: it is not there.",
    "%(path)s is not watched: its name is not UTF-8.",
    "%(path)s is a network folder (%(kind)s): changes made there by other machines are not seen. "
    "Scan it on a schedule as well (NEEDLE_SCHEDULE).",
    "The music folders are not watched: they hold more folders than this system lets be watched. "
    "Raise fs.inotify.max_user_watches.",
    "The music folders are not watched: %(error)s.",
    "%(field)s: a whole number of characters from %(low)d to %(high)d is needed.",
    "There is nothing to undo: nobody has set a limit.",
    "Permission denied",
    "No such file or directory",
    "Not a directory",
    "Input/output error",
    "Stale file handle",
    "Transport endpoint is not connected",
)

#: Said for a log, and better put another way on the page.
REWORDED = {
    "Paused by quiet hours until %(time)s.": (
        "It is quiet until %(time)s, then it goes on by itself. Resume lets it go on now."
    ),
}

_FIELD = re.compile(r"%\((\w+)\)([sd])")


class Reasons:
    """Puts sentences into one language."""

    def __init__(self, gettext: Callable[[str], str], number: Callable[[int], str]) -> None:
        self._gettext, self._number = gettext, number

    def actor(self, key: str) -> str:
        """Who that is; a person's name as it is."""
        return self._gettext(ACTORS[key]) if key in ACTORS else key

    def reason(self, said: str) -> str:
        """What was said, in this language if it is known."""
        if len(said) <= LONGEST_CHARS:
            for sentence, pattern in _PATTERNS:
                if match := pattern.fullmatch(said):
                    return self._filled(REWORDED.get(sentence, sentence), match.groupdict())
        return self._gettext(said) if said else ""

    def _filled(self, sentence: str, fields: Mapping[str, str]) -> str:
        # By hand, not by `%`: a translation with a typing error must not raise.
        return _FIELD.sub(
            lambda found: self._field(found[1], fields.get(found[1], "")), self._gettext(sentence)
        )

    def _field(self, key: str, text: str) -> str:
        if key == "actor":
            return self.actor(text)
        if key == "error":
            return self._gettext(text)
        return self._number(int(text)) if key in ("gone", "known", "low", "high") else text


def _pattern(sentence: str) -> re.Pattern[str]:
    """What `sentence` looks like with its fields filled in."""
    parts = _FIELD.split(sentence)
    text = re.escape(parts[0])
    for name, kind, rest in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        text += f"(?P<{name}>{'[0-9]{1,18}' if kind == 'd' else '.+'})" + re.escape(rest)
    return re.compile(text)


_PATTERNS = tuple((sentence, _pattern(sentence)) for sentence in SENTENCES)

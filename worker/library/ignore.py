"""`.needleignore` files: what a user does not want scanned, in the syntax of .gitignore."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from worker.library.opening import FILE_FLAGS

NAME = b".needleignore"
#: A longer file is cut there: it is a list of patterns, not a data file.
MAX_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The rules of one folder's file, and of those above it, which it may overrule."""

    folder: bytes  #: relative to the root
    spec: GitIgnoreSpec
    above: IgnoreRules | None

    def ignores(self, path: bytes, *, is_folder: bool) -> bool:
        """Whether `path`, relative to the root, is not to be looked at."""
        rules: IgnoreRules | None = self
        while rules is not None:  # the nearest folder that has a say
            start = len(rules.folder) + 1 if rules.folder else 0
            name = os.fsdecode(path[start:]) + ("/" if is_folder else "")
            verdict = rules.spec.check_file(name).include
            if verdict is not None:
                return verdict
            rules = rules.above
        return False


def read_rules(folder_fd: int, folder: bytes, above: IgnoreRules | None) -> IgnoreRules | None:
    """The rules below `folder`, which is open as `folder_fd`.  Raises OSError."""
    fd = os.open(NAME, FILE_FLAGS, dir_fd=folder_fd)
    with open(fd, "rb") as file:
        text = file.read(MAX_BYTES).decode("utf-8", "surrogateescape")
    patterns: list[GitIgnoreSpecPattern] = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError):  # a line that is no pattern: git skips it too
            patterns.extend(GitIgnoreSpec.from_lines([line]).patterns)
    return IgnoreRules(folder, GitIgnoreSpec(patterns), above) if patterns else above

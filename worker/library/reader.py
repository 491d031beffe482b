"""Reading one file: opened safely, parsed under limits, every failure an outcome.

1. Nothing that is not a regular file inside the root is read.
2. What a file does ends in a `FileResult`.  Only what the caller asked to pass through, and
   exceptions that are no `Exception`, come out.
3. The signature in a result is that of the bytes that were read.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple

from wire.outcomes import Outcome
from worker.library import lean, mutagen_tuning
from worker.library.clean import clean_message
from worker.library.errors import (
    ChangedDuringScan,
    EmptyFile,
    FileTimeout,
    NotAFile,
    OutsideRoot,
    UnsupportedFormat,
)
from worker.library.formats import Format, format_of
from worker.library.guard import Guard
from worker.library.model import Audio, FileResult, FoundFile, Signature, Tags
from worker.library.opening import (
    FILE_FLAGS,
    FOLDER_FLAGS,
    buffered,
    open_below,
    resolve_below,
    signature_of,
)
from worker.library.parsing import Parsed, parse, parse_tags_alone
from worker.library.sources import Source, add_flac_pictures, source_of
from worker.library.streams import audio_from
from worker.library.tags import tags_from

#: A small buffer: most of a file is never read, and on a network every byte counts.
BUFFER_BYTES = 64 << 10


class Reader:
    """Reads the files of the library at `root`; use it in a `with` statement, once a batch.

    Entering raises OSError when the root cannot be opened.  `passthrough` are exceptions of
    the caller's own, such as Celery's time limit, that a file must not swallow.
    """

    def __init__(
        self,
        root: bytes,
        *,
        file_timeout_seconds: float = 10,
        memory_bytes: int = 400 << 20,
        passthrough: tuple[type[BaseException], ...] = (),
    ) -> None:
        self._root = root
        self._real_root = root
        self._root_fd = -1
        self._passthrough = passthrough
        self._guard = Guard(file_timeout_seconds, memory_bytes)
        self._file_timeout_seconds = file_timeout_seconds
        self._leave = ExitStack()

    def __enter__(self) -> Reader:
        mutagen_tuning.install()
        with ExitStack() as leave:
            self._root_fd = os.open(self._root, FOLDER_FLAGS)
            leave.callback(os.close, self._root_fd)
            self._real_root = os.path.realpath(self._root)
            leave.enter_context(self._guard)
            self._leave = leave.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave.close()

    def read(self, file: FoundFile) -> FileResult:
        """What is in `file`, or why it is not known.  Its own errors are never raised."""
        try:
            return self._guard.call(self._read_unchanged, file)
        except self._passthrough:
            raise
        except FileTimeout:
            message = f"reading took longer than {self._file_timeout_seconds:g} s"
            return FileResult(file.path, file.signature, Outcome.TIMED_OUT, "FileTimeout", message)
        except Exception as error:
            return _problem(file.path, file.signature, error)

    def _read_unchanged(self, file: FoundFile) -> FileResult:
        """Read once more when the file changed meanwhile.  Raises ChangedDuringScan, OSError."""
        for _ in range(2):
            fd = self._open(file.path)
            try:
                status = os.fstat(fd)
                if stat.S_ISDIR(status.st_mode):
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                if not stat.S_ISREG(status.st_mode):
                    raise NotAFile("this is no regular file")
                before = signature_of(status)
                result = self._read_opened(file.path, before, fd)
                if signature_of(os.fstat(fd)) == before:
                    return result
            finally:
                os.close(fd)
        raise ChangedDuringScan("the file was being written while it was read")

    def _open(self, path: bytes) -> int:
        try:
            return open_below(self._root_fd, path, FILE_FLAGS)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            target = resolve_below(self._real_root, path)
            if target is None:
                raise OutsideRoot("the link leads nowhere inside the library") from None
            return open_below(self._root_fd, target, FILE_FLAGS)

    def _read_opened(self, path: bytes, signature: Signature, fd: int) -> FileResult:
        content = self._read_lean(path, signature, fd)
        if content is None:
            return self._read_by_mutagen(path, signature, fd)
        return FileResult(
            path, signature, tags=content.tags, audio=content.audio, flags=content.flags
        )

    def _read_lean(self, path: bytes, signature: Signature, fd: int) -> _Content | None:
        """What is in the file; None when it is to be read by mutagen."""
        if signature.size == 0:
            return None
        try:
            found = lean.read(lean.Window(fd, signature.size), format_of(path))
            return _understand(found.source, found.reader, found.stream)
        except self._passthrough:
            raise
        except Exception:  # odd bytes lead anywhere; what is wrong with them mutagen says
            return None

    def _read_by_mutagen(self, path: bytes, signature: Signature, fd: int) -> FileResult:
        name = path[path.rfind(b"/") + 1 :]
        with buffered(fd, name, BUFFER_BYTES) as file:
            try:
                if signature.size == 0:
                    raise EmptyFile("the file is empty")
                content = _content(path, parse(file, format_of(path)))
            except self._passthrough:
                raise
            except Exception as error:
                problem = _problem(path, signature, error)
                if problem.outcome is Outcome.UNREADABLE:
                    return _tags_only(problem, file)
                return problem
        return FileResult(
            path, signature, tags=content.tags, audio=content.audio, flags=content.flags
        )


class _Content(NamedTuple):
    tags: Tags
    audio: Audio
    flags: tuple[str, ...]


def _content(path: bytes, parsed: Parsed) -> _Content:
    source = source_of(parsed.tags) or Source("vorbis")
    if parsed.reader == "FLAC":
        add_flac_pictures(source, parsed.file)
    content = _understand(source, parsed.reader, parsed.file.info)
    if _is_mislabelled(format_of(path), parsed.reader):
        return content._replace(flags=(*content.flags, "mislabelled"))
    return content


def _understand(source: Source, reader: str, stream: Any) -> _Content:
    tags, tag_flags = tags_from(source, source.vendor or getattr(stream, "encoder_info", ""))
    audio, audio_flags = audio_from(reader, stream)
    return _Content(tags, audio, (*tag_flags, *audio_flags))


def _is_mislabelled(form: Format | None, reader: str) -> bool:
    """Whether a name promises something else; all kinds of Ogg share their names."""
    if form is None or form.reader == reader:
        return False
    return form.reader is None or not (form.reader.startswith("Ogg") and reader.startswith("Ogg"))


def _tags_only(problem: FileResult, file: BinaryIO) -> FileResult:
    """`problem`, unless the file has ID3 tags to give although its audio cannot be read."""
    try:
        found = parse_tags_alone(file)
    except Exception:
        return problem  # says more than what is wrong with tags that may not be there
    source = source_of(found)
    if source is None or not found:
        return problem
    tags, flags = tags_from(source)
    return problem._replace(outcome=Outcome.TAGS_ONLY, tags=tags, flags=flags)


def _problem(path: bytes, signature: Signature, error: Exception) -> FileResult:
    outcome, message = Outcome.UNREADABLE, clean_message(error)
    if isinstance(error, MemoryError):
        outcome, message = Outcome.TOO_LARGE, "reading took more memory than a file may"
    elif isinstance(error, UnsupportedFormat):
        outcome = Outcome.UNSUPPORTED
    elif isinstance(error, PermissionError):
        outcome, message = Outcome.PERMISSION, error.strerror or message
    elif isinstance(error, FileNotFoundError):
        outcome, message = Outcome.MISSING, "vanished during the scan"
    elif isinstance(error, OSError):
        message = error.strerror or message
    return FileResult(path, signature, outcome, _class_name(error), message)


def _class_name(error: Exception) -> str:
    """The name of its class; many of mutagen's are `error`, which says more as `flac.error`."""
    kind = type(error)
    if kind.__name__ != "error":
        return kind.__name__
    return f"{kind.__module__.removeprefix('mutagen.').partition('.')[0]}.error"

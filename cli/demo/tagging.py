"""Writing `Tags` into files of every format, through mutagen: what the reader must give back."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mutagen
from mutagen.apev2 import BINARY, APEv2, APEValue
from mutagen.asf import ASFTags
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, COMM, TXXX, UFID, USLT, Frames, ID3Tags, PictureType
from mutagen.mp4 import MP4Tags

from worker.library.model import Tags
from worker.library.tagmap import TABLE

#: Kind (`front`, `back`, …) and data of each picture.
Covers = Sequence[tuple[str, bytes]]
_ITUNES = "----:com.apple.iTunes:"
#: Fields whose text in the file is that of the attribute of the same name.
_PLAIN = (
    *("title", "artists", "album", "album_artists", "genres", "composers", "date"),
    *("original_date", "title_sort", "album_sort", "artist_sorts", "album_artist_sorts"),
    *("label", "catalog_number", "barcode", "comment", "bpm", "key", "isrcs", "encoder"),
    *("mb_recording_id", "mb_track_id", "mb_release_id", "mb_release_group_id"),
    *("mb_artist_ids", "mb_album_artist_ids", "acoustid_id"),
    *("replaygain_track_peak", "replaygain_album_peak"),
)


def write_tags(path: str | Path, tags: Tags, covers: Covers = (), *, id3_version: int = 4) -> None:
    """Write `tags` into the audio file at `path`; what it held under other names stays.

    `id3_version` 3 writes ID3v2.3, with names in one text.  Raises ValueError for a file that
    mutagen cannot open.
    """
    file: Any = mutagen.File(path)
    if file is None:
        raise ValueError(f"{path}: no audio file")
    holder, save = _holder(file, path)
    texts = _texts(tags)
    for family, kind, write in _WRITERS:
        if isinstance(holder, kind):
            for row in TABLE:
                if values := texts.get(row.field):
                    write(holder, getattr(row, family)[0], values)
    _write_covers(file, holder, covers)
    if isinstance(holder, ID3Tags) and id3_version == 3:
        holder.update_to_v23()  # type: ignore[no-untyped-call]
        save(v2_version=3, v23_sep="; ")
    else:
        save()


def _holder(file: Any, path: str | Path) -> tuple[Any, Callable[..., Any]]:
    """What keeps the tags, and how to save it: for AAC an APEv2 tag, as mutagen has none."""
    if type(file).__name__ == "AAC":
        make: Callable[[], Any] = APEv2
        tags = make()
        return tags, lambda: tags.save(path)
    if file.tags is None:
        file.add_tags()
    return file.tags, file.save


def _texts(tags: Tags) -> dict[str, list[str]]:
    """The fields of the table that `tags` has something for, as text."""
    texts: dict[str, list[str]] = {}
    for name in _PLAIN:
        value = getattr(tags, name)
        texts[name] = [str(v) for v in value] if isinstance(value, tuple) else _one(value)
    texts["track"] = _pair(tags.track_number, tags.track_total)
    texts["disc"] = _pair(tags.disc_number, tags.disc_total)
    texts["compilation"] = ["1"] if tags.compilation else []
    texts["lyrics"] = ["La la la"] if tags.has_lyrics else []
    for which in ("track", "album"):
        gain_db = getattr(tags, f"replaygain_{which}_gain_db")
        texts[f"replaygain_{which}_gain"] = [] if gain_db is None else [f"{gain_db} dB"]
    return texts


def _one(value: object) -> list[str]:
    return [] if value is None else [str(value)]


def _pair(number: int | None, total: int | None) -> list[str]:
    if total is not None:
        return [f"{number or 0}/{total}"]
    return _one(number)


def _write_id3(tags: Any, name: str, values: list[str]) -> None:
    make: dict[str, Callable[..., Any]] = {"COMM": COMM, "USLT": USLT, "TXXX": TXXX, "UFID": UFID}
    frame, _, description = name.partition(":")
    if frame == "UFID":
        tags.add(make[frame](owner=description, data=values[0].encode()))
    elif frame == "TXXX":
        tags.add(make[frame](encoding=3, desc=description, text=values))
    elif frame == "USLT":
        tags.add(make[frame](encoding=3, lang="eng", desc="", text=values[0]))
    elif frame == "COMM":
        tags.add(make[frame](encoding=3, lang="eng", desc="", text=values))
    else:
        tags.add(Frames[frame](encoding=3, text=values))


def _write_list(tags: Any, name: str, values: list[str]) -> None:
    tags[name] = values


def _write_mp4(tags: Any, name: str, values: list[str]) -> None:
    if name in ("trkn", "disk"):
        number, _, total = values[0].partition("/")
        tags[name] = [(int(number), int(total or 0))]
    elif name == "cpil":
        tags[name] = True
    elif name == "tmpo" and float(values[0]).is_integer():
        tags[name] = [int(float(values[0]))]
    elif name == "tmpo":  # holds whole numbers only
        tags[_ITUNES + "BPM"] = [values[0].encode()]
    elif name.startswith(_ITUNES):
        tags[name] = [value.encode() for value in values]
    else:
        tags[name] = values


_WRITERS: tuple[tuple[str, type, Callable[[Any, str, list[str]], None]], ...] = (
    ("id3", ID3Tags, _write_id3),
    ("mp4", MP4Tags, _write_mp4),
    ("asf", ASFTags, _write_list),
    ("ape", APEv2, _write_list),
    ("vorbis", mutagen._vorbis.VComment, _write_list),
)


def _write_covers(file: Any, holder: Any, covers: Covers) -> None:
    if not covers:
        return
    if isinstance(file, FLAC):
        for kind, data in covers:
            file.add_picture(_picture(kind, data))  # type: ignore[no-untyped-call]
    elif isinstance(holder, ID3Tags):
        make: Callable[..., Any] = APIC
        for number, (kind, data) in enumerate(covers):
            frame = make(
                encoding=3, mime="image/png", type=_number(kind), desc=str(number), data=data
            )
            holder.add(frame)  # type: ignore[no-untyped-call]
    elif isinstance(holder, MP4Tags):
        holder["covr"] = [data for _, data in covers]
    elif isinstance(holder, ASFTags):
        mime = "image/png".encode("utf-16-le") + bytes(2)
        holder["WM/Picture"] = [
            struct.pack("<BI", _number(kind), len(data)) + mime + bytes(2) + data
            for kind, data in covers
        ]
    elif isinstance(holder, APEv2):
        for kind, data in covers:
            value = APEValue(b"cover.png\0" + data, BINARY)  # type: ignore[no-untyped-call]
            holder[f"Cover Art ({kind.title()})"] = value
    else:
        blocks = [_picture(kind, data).write() for kind, data in covers]
        holder["metadata_block_picture"] = [base64.b64encode(block).decode() for block in blocks]


def _number(kind: str) -> int:
    name = {"front": "COVER_FRONT", "back": "COVER_BACK"}.get(kind, kind.upper())
    return int(getattr(PictureType, name))


def _picture(kind: str, data: bytes) -> Any:
    make: Callable[[], Any] = Picture
    picture = make()
    picture.type, picture.mime, picture.data = _number(kind), "image/png", data
    return picture

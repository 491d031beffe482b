"""The tags of each family as plain lists of text under lower-case names, and their pictures.

Values joined by NUL, as APEv2 and some ID3 writers do, are taken apart here.  Pictures are
counted and never decoded.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mutagen.apev2 import BINARY, TEXT, APEv2
from mutagen.asf import ASFTags
from mutagen.flac import FLAC
from mutagen.id3 import ID3Tags, PictureType
from mutagen.mp4 import MP4Tags

#: Characters of a picture in base64 that are looked at: all but the picture.
PICTURE_HEAD_CHARS = 4 * 2048
_PICTURE_KINDS = {
    number: name.lower().removeprefix("cover_")
    for name, number in vars(PictureType).items()
    if isinstance(number, int)
}


@dataclass(slots=True)
class Source:
    """What a file says of itself, before it is understood."""

    family: str  #: a key of `tagmap.FAMILIES`
    values: dict[str, list[str]] = field(default_factory=dict)
    pictures: list[tuple[str, int]] = field(default_factory=list)  #: kind and bytes
    joined_names: bool = False  #: several names may stand in one text: ID3 before 2.4
    vendor: str = ""  #: what wrote the stream, of FLAC and Ogg: no tag, but beside them

    def add(self, name: str, texts: Iterable[str]) -> None:
        """Put `texts` behind what `name` has; joined ones apart, blank ones left out."""
        found = self.values.setdefault(name.lower(), [])
        for text in texts:
            if "\0" in text:
                found.extend(filter(str.strip, text.split("\0")))
            elif text and not text.isspace():
                found.append(text)


def source_of(tags: Any) -> Source | None:
    """`tags` of any type of mutagen's as a Source; None for none, or of a type without text."""
    if isinstance(tags, ID3Tags):
        return _from_id3(tags)
    if isinstance(tags, MP4Tags):
        return _from_mp4(tags)
    if isinstance(tags, APEv2):
        return _from_ape(tags)
    if isinstance(tags, ASFTags):
        return _from_asf(tags)
    if isinstance(tags, list):  # VComment, of FLAC and all kinds of Ogg
        return _from_vorbis(tags)
    return None


def add_flac_pictures(source: Source, file: FLAC) -> None:
    """The pictures of a FLAC file lie beside its tags."""
    for picture in file.pictures:
        source.pictures.append((picture_kind(picture.type), picture_bytes(picture)))


def picture_kind(number: int) -> str:
    """`front`, `back`, `other`, `artist` … for the number ID3, FLAC and ASF use."""
    return _PICTURE_KINDS.get(number, "other")


def picture_bytes(picture: Any) -> int:
    """The length of a picture that `mutagen_tuning` may have left unread."""
    return len(picture.data) + getattr(picture, "left_out_bytes", 0)


def _from_id3(tags: Any) -> Source:
    source = Source("id3", joined_names=getattr(tags, "version", (2, 4, 0)) < (2, 4, 0))
    comments: list[tuple[str, list[str]]] = []
    volumes: dict[str, str] = {}
    frame: Any
    for frame in tags.values():
        kind = frame.FrameID
        if kind == "TXXX":
            source.add("txxx:" + frame.desc, frame.text)
        elif kind == "COMM":
            comments.append((frame.desc, frame.text))
        elif kind[0] == "T":
            source.add(kind, map(str, getattr(frame, "text", ())))
        elif kind == "UFID":
            source.add("ufid:" + frame.owner, [frame.data.decode("latin-1")])
        elif kind in ("USLT", "SYLT"):
            source.add(kind, [str(frame)])
        elif kind == "APIC":
            source.pictures.append((picture_kind(frame.type), picture_bytes(frame)))
        elif kind == "RVA2" and frame.desc.lower() in ("track", "album"):
            prefix = f"txxx:replaygain_{frame.desc.lower()}_"
            volumes[prefix + "gain"] = f"{frame.gain:.6f}"
            volumes[prefix + "peak"] = f"{frame.peak:.6f}"
    for name, text in volumes.items():  # in steps of 1/512 dB: gives way to what is written out
        if not source.values.get(name):
            source.values[name] = [text]
    for description, texts in sorted(comments, key=lambda comment: comment_order(comment[0])):
        if not is_program_comment(description):
            source.add("comm", texts)
    return source


def comment_order(description: str) -> int:
    """The plain comment first, the cut one of ID3v1 last."""
    return 0 if not description else 2 if description == "ID3v1 Comment" else 1


def is_program_comment(description: str) -> bool:
    """Whether a comment is of numbers that programs keep there."""
    return description.startswith(("iTun", "Songs-DB"))


def _from_vorbis(tags: list[tuple[str, str]]) -> Source:
    source = Source("vorbis")
    for key, value in tags:
        name = key.lower()
        if name == "metadata_block_picture":
            source.pictures.append(vorbis_picture(value[:PICTURE_HEAD_CHARS], len(value)))
        elif name == "coverart":
            source.pictures.append(("other", len(value) * 3 // 4))
        else:
            source.add(name, [value])
    source.vendor = getattr(tags, "vendor", "")
    return source


def vorbis_picture(head_text: str, chars: int) -> tuple[str, int]:
    """Kind and bytes from the head of a FLAC picture block of `chars` in base64."""
    try:
        head = base64.b64decode(head_text)
        kind, mime_bytes = struct.unpack_from(">II", head)
        (text_bytes,) = struct.unpack_from(">I", head, 8 + mime_bytes)
        (data_bytes,) = struct.unpack_from(">I", head, 8 + mime_bytes + 4 + text_bytes + 16)
    except (ValueError, binascii.Error, struct.error):
        return "other", chars * 3 // 4
    return picture_kind(kind), min(data_bytes, chars * 3 // 4)


def _from_mp4(tags: Any) -> Source:
    source = Source("mp4")
    for key, values in tags.items():
        if key == "covr":
            source.pictures.extend(("front", len(cover)) for cover in values)
        else:
            source.add(key, map(_mp4_text, values if isinstance(values, list) else [values]))
    return source


def _mp4_text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, tuple):
        return "/".join(map(str, value))
    return str(value)


def _from_asf(tags: Any) -> Source:
    source = Source("asf")
    for key, value in tags:
        if not isinstance(value.value, bytes):
            source.add(key, [str(value)])
        elif key == "WM/Picture" and len(value.value) >= 5:
            kind, size = struct.unpack_from("<BI", value.value)
            source.pictures.append((picture_kind(kind), min(size, len(value.value))))
    return source


def _from_ape(tags: Any) -> Source:
    source = Source("ape")
    for key, value in tags.items():
        if value.kind == TEXT:
            source.add(key, [value.value])
        elif value.kind == BINARY and key.lower().startswith("cover art"):
            kind = key.lower().removeprefix("cover art").strip(" ()")
            _, _, data = value.value.partition(b"\0")
            source.pictures.append((kind or "other", len(data)))
    return source

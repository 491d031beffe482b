"""From what a file says of itself to `Tags`.

Values are as mutagen gives them but for this: text is cleaned (`clean.py`); values joined by
NUL are several; names in one text of ID3v2.3 are split at `;` and ` / `; genres at `;` `/` `,`,
with ID3's numbers as names; a single artist gives way to a list in ARTISTS; numbers, dates and
gains are parsed (`values.py`), and what has no meaning is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from worker.library import values
from worker.library.clean import COMMENT_BYTES, TEXT_BYTES, clean_text, clean_values
from worker.library.model import Tags
from worker.library.sources import Source
from worker.library.tagmap import pick

#: Pictures whose kind is kept; more are counted only.
MAX_COVER_KINDS = 20
MAX_GAIN_DB = 100.0
MAX_PEAK = 100.0
MIN_BPM, MAX_BPM = 0.01, 100_000.0


def tags_from(source: Source, stream_encoder: str = "") -> tuple[Tags, tuple[str, ...]]:
    """The tags in `source`, and flags: `text_cut` when something was too long or too many.

    `stream_encoder` is what the stream says of its encoder, for when the tags do not.
    """
    fields = _Fields(source)
    found: dict[str, Any] = {
        field: read(fields, field) for field in fields.picked if (read := _READ.get(field))
    }
    if "artists" in fields.picked or "every_artist" in fields.picked:
        found["artists"] = fields.artists()
    for which in ("track", "disc"):
        found[f"{which}_number"], found[f"{which}_total"] = fields.numbers(which)
    for which in ("track", "album"):
        found[f"replaygain_{which}_gain_db"] = fields.gain(which)
    if "lyrics" in fields.picked:
        found["has_lyrics"] = True
    if stream_encoder and not found.get("encoder"):
        found["encoder"] = clean_text(stream_encoder)[0] or None
    if source.pictures:
        kinds = dict.fromkeys(kind for kind, _ in source.pictures[:MAX_COVER_KINDS])
        found["cover_count"] = len(source.pictures)
        found["cover_kinds"] = tuple(clean_text(kind)[0] for kind in kinds)
        found["cover_bytes"] = sum(size for _, size in source.pictures)
    return Tags(**found), ("text_cut",) if fields.was_cut else ()


class _Fields:
    """The values of the fields that a source has, cleaned when they are asked for."""

    def __init__(self, source: Source) -> None:
        self.picked = pick(source.family, source.values)
        self._joined_names = source.joined_names
        self.was_cut = False

    def many(self, field: str) -> list[str]:
        found = self.picked.get(field)
        if found is None:
            return []
        if len(found) == 1:
            text = self.one(field)
            return [text] if text else []
        texts, was_cut = clean_values(found)
        self.was_cut = self.was_cut or was_cut
        return texts

    def one(self, field: str, max_bytes: int = TEXT_BYTES) -> str | None:
        for value in self.picked.get(field, ()):
            text, was_cut = clean_text(value, max_bytes)
            self.was_cut = self.was_cut or was_cut
            if text:
                return text
        return None

    def comment(self, field: str) -> str | None:
        return self.one(field, COMMENT_BYTES)

    def names(self, field: str) -> tuple[str, ...]:
        texts = self.many(field)
        return tuple(values.split_names(texts) if self._joined_names else texts)

    def artists(self) -> tuple[str, ...]:
        """The artists; a text such as `A feat. B` gives way to a list of A and B beside it."""
        names, each = self.names("artists"), self.names("every_artist")
        return each if len(names) <= 1 < len(each) else names or each

    def genres(self, field: str) -> tuple[str, ...]:
        return values.genres(tuple(self.many(field)))

    def numbers(self, which: str) -> tuple[int | None, int | None]:
        """Number and total of track or disc; the total may stand in a field of its own."""
        number, total = self._pair(which)
        return number, total or self._pair(f"{which}_total")[0]

    def _pair(self, field: str) -> tuple[int | None, int | None]:
        text = self.one(field)
        return values.number_pair(text) if text else (None, None)

    def date(self, field: str) -> str | None:
        text = self.one(field)
        return values.date(text) if text else None

    def is_true(self, field: str) -> bool:
        return values.is_true(self.one(field) or "")

    def tempo(self, field: str) -> float | None:
        return self._decimal(field, MIN_BPM, MAX_BPM)

    def peak(self, field: str) -> float | None:
        return self._decimal(field, 0.0, MAX_PEAK)

    def gain(self, which: str) -> float | None:
        gain_db = self._decimal(f"replaygain_{which}_gain", -MAX_GAIN_DB, MAX_GAIN_DB)
        if gain_db is None and (text := self.one(f"r128_{which}_gain")):
            return values.r128_gain_db(text)
        return gain_db

    def _decimal(self, field: str, low: float, high: float) -> float | None:
        text = self.one(field)
        return values.decimal(text, low, high) if text else None

    def ids(self, field: str) -> tuple[str, ...]:
        return tuple(values.musicbrainz_ids(self.many(field)))

    def id(self, field: str) -> str | None:
        ids = self.ids(field)
        return ids[0] if ids else None


#: How the fields are read that are an attribute of `Tags` by the same name.
_READ: dict[str, Callable[[_Fields, str], Any]] = {
    **dict.fromkeys(
        (
            *("title", "album", "title_sort", "album_sort", "label", "catalog_number"),
            *("barcode", "key", "encoder"),
        ),
        _Fields.one,
    ),
    **dict.fromkeys(
        ("album_artists", "composers", "artist_sorts", "album_artist_sorts", "isrcs"),
        _Fields.names,
    ),
    **dict.fromkeys(
        ("mb_recording_id", "mb_track_id", "mb_release_id", "mb_release_group_id", "acoustid_id"),
        _Fields.id,
    ),
    **dict.fromkeys(("mb_artist_ids", "mb_album_artist_ids"), _Fields.ids),
    **dict.fromkeys(("date", "original_date"), _Fields.date),
    **dict.fromkeys(("replaygain_track_peak", "replaygain_album_peak"), _Fields.peak),
    "genres": _Fields.genres,
    "comment": _Fields.comment,
    "compilation": _Fields.is_true,
    "bpm": _Fields.tempo,
}

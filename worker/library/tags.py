"""From what a file says of itself to `Tags`.

Values are as mutagen gives them but for this: text is cleaned (`clean.py`); values joined by
NUL are several; names in one text of ID3v2.3 are split at `;` and ` / `; genres at `;` `/` `,`,
with ID3's numbers as names; a single artist gives way to a list in ARTISTS; numbers, dates and
gains are parsed (`values.py`), and what has no meaning is left out.
"""

from __future__ import annotations

from worker.library import values
from worker.library.clean import COMMENT_BYTES, TEXT_BYTES, clean_text, clean_values
from worker.library.model import Tags
from worker.library.sources import Source
from worker.library.tagmap import pick

#: Pictures whose kind is kept; more are counted only.
MAX_COVER_KINDS = 20
MAX_GAIN_DB = 100.0
MAX_PEAK = 100.0
MIN_BPM, MAX_BPM = 0.01, 1000.0


def tags_from(source: Source, stream_encoder: str = "") -> tuple[Tags, tuple[str, ...]]:
    """The tags in `source`, and flags: `text_cut` when something was too long or too many.

    `stream_encoder` is what the stream says of its encoder, for when the tags do not.
    """
    fields = _Fields(source)
    track_number, track_total = fields.pair("track")
    disc_number, disc_total = fields.pair("disc")
    kinds = dict.fromkeys(kind for kind, _ in source.pictures[:MAX_COVER_KINDS])
    tags = Tags(
        title=fields.one("title"),
        artists=fields.artists(),
        album=fields.one("album"),
        album_artists=fields.names("album_artists"),
        genres=tuple(values.genres(fields.many("genres"))),
        composers=fields.names("composers"),
        track_number=track_number,
        track_total=track_total or fields.pair("track_total")[0],
        disc_number=disc_number,
        disc_total=disc_total or fields.pair("disc_total")[0],
        date=fields.date("date"),
        original_date=fields.date("original_date"),
        compilation=values.is_true(fields.one("compilation") or ""),
        title_sort=fields.one("title_sort"),
        album_sort=fields.one("album_sort"),
        artist_sorts=fields.names("artist_sorts"),
        album_artist_sorts=fields.names("album_artist_sorts"),
        label=fields.one("label"),
        catalog_number=fields.one("catalog_number"),
        barcode=fields.one("barcode"),
        comment=fields.one("comment", COMMENT_BYTES),
        has_lyrics=fields.holds("lyrics"),
        bpm=fields.decimal("bpm", MIN_BPM, MAX_BPM),
        key=fields.one("key"),
        isrcs=fields.names("isrcs"),
        encoder=fields.one("encoder") or clean_text(stream_encoder)[0] or None,
        mb_recording_id=fields.id("mb_recording_id"),
        mb_track_id=fields.id("mb_track_id"),
        mb_release_id=fields.id("mb_release_id"),
        mb_release_group_id=fields.id("mb_release_group_id"),
        mb_artist_ids=fields.ids("mb_artist_ids"),
        mb_album_artist_ids=fields.ids("mb_album_artist_ids"),
        acoustid_id=fields.id("acoustid_id"),
        replaygain_track_gain_db=fields.gain("track"),
        replaygain_track_peak=fields.peak("track"),
        replaygain_album_gain_db=fields.gain("album"),
        replaygain_album_peak=fields.peak("album"),
        cover_count=len(source.pictures),
        cover_kinds=tuple(clean_text(kind)[0] for kind in kinds),
        cover_bytes=sum(size for _, size in source.pictures),
    )
    return tags, ("text_cut",) if fields.was_cut else ()


class _Fields:
    """The values of each field, cleaned when they are asked for."""

    def __init__(self, source: Source) -> None:
        self._picked = pick(source.family, source.values)
        self._joined_names = source.joined_names
        self.was_cut = False

    def many(self, field: str, max_bytes: int = TEXT_BYTES) -> list[str]:
        found = self._picked.get(field)
        if found is None:
            return []
        texts, was_cut = clean_values(found, max_bytes)
        self.was_cut = self.was_cut or was_cut
        return texts

    def one(self, field: str, max_bytes: int = TEXT_BYTES) -> str | None:
        for value in self._picked.get(field, ()):
            text, was_cut = clean_text(value, max_bytes)
            self.was_cut = self.was_cut or was_cut
            if text:
                return text
        return None

    def names(self, field: str) -> tuple[str, ...]:
        texts = self.many(field)
        return tuple(values.split_names(texts) if self._joined_names else texts)

    def artists(self) -> tuple[str, ...]:
        """The artists; a text such as `A feat. B` gives way to a list of A and B beside it."""
        names, each = self.names("artists"), self.names("every_artist")
        return each if len(names) <= 1 < len(each) else names or each

    def pair(self, field: str) -> tuple[int | None, int | None]:
        text = self.one(field)
        return values.number_pair(text) if text else (None, None)

    def date(self, field: str) -> str | None:
        text = self.one(field)
        return values.date(text) if text else None

    def decimal(self, field: str, low: float, high: float) -> float | None:
        text = self.one(field)
        return values.decimal(text, low, high) if text else None

    def ids(self, field: str) -> tuple[str, ...]:
        return tuple(values.musicbrainz_ids(self.many(field)))

    def id(self, field: str) -> str | None:
        if field not in self._picked:
            return None
        ids = self.ids(field)
        return ids[0] if ids else None

    def gain(self, which: str) -> float | None:
        gain_db = self.decimal(f"replaygain_{which}_gain", -MAX_GAIN_DB, MAX_GAIN_DB)
        if gain_db is None and (text := self.one(f"r128_{which}_gain")):
            return values.r128_gain_db(text)
        return gain_db

    def peak(self, which: str) -> float | None:
        return self.decimal(f"replaygain_{which}_peak", 0.0, MAX_PEAK)

    def holds(self, field: str) -> bool:
        return field in self._picked

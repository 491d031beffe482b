"""How each family of tags calls the fields of `Tags`: the one table for reading and writing.

Of several names the first that holds something is taken, and the first is the one to write.
Case does not matter in reading.  ID3 names are frame ids; `TXXX:` and `UFID:` carry their
description or owner behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_ITUNES = "----:com.apple.iTunes:"


class Names(NamedTuple):
    """What one field is called, by family."""

    field: str
    id3: tuple[str, ...]
    vorbis: tuple[str, ...]
    mp4: tuple[str, ...]
    asf: tuple[str, ...]
    ape: tuple[str, ...]


def _names(field: str, id3: str, vorbis: str, mp4: str, asf: str, ape: str | None = None) -> Names:
    """One row; names are separated by `|`, `*` in MP4 stands for iTunes' free form."""
    parts = (id3, vorbis, mp4.replace("*", _ITUNES), asf, vorbis if ape is None else ape)
    return Names(field, *(tuple(filter(None, part.split("|"))) for part in parts))


TABLE = (
    _names("title", "TIT2", "title", "©nam", "Title"),
    _names("artists", "TPE1", "artist", "©ART", "Author"),
    _names("every_artist", "TXXX:ARTISTS", "artists", "*ARTISTS", "WM/ARTISTS"),
    _names("album", "TALB", "album", "©alb", "WM/AlbumTitle"),
    _names(
        "album_artists",
        "TPE2|TXXX:ALBUMARTIST|TXXX:ALBUM ARTIST",
        "albumartist|album artist|album_artist",
        "aART",
        "WM/AlbumArtist",
        "album artist|albumartist",
    ),
    _names("genres", "TCON", "genre", "©gen", "WM/Genre"),
    _names("composers", "TCOM", "composer", "©wrt", "WM/Composer"),
    _names("track", "TRCK", "tracknumber|track", "trkn", "WM/TrackNumber", "track|tracknumber"),
    _names(
        "track_total",
        "TXXX:TRACKTOTAL|TXXX:TOTALTRACKS",
        "tracktotal|totaltracks|trackc",
        "",
        "TrackTotal|TotalTracks",
    ),
    _names("disc", "TPOS", "discnumber|disc", "disk", "WM/PartOfSet", "disc|discnumber"),
    _names(
        "disc_total",
        "TXXX:DISCTOTAL|TXXX:TOTALDISCS",
        "disctotal|totaldiscs|discc",
        "",
        "DiscTotal|TotalDiscs",
    ),
    _names("date", "TDRC|TDRL", "date|year", "©day", "WM/Year", "year|date"),
    _names(
        "original_date",
        "TDOR|TXXX:ORIGINALYEAR",
        "originaldate|originalyear",
        "*ORIGINALDATE|*ORIGINALYEAR",
        "WM/OriginalReleaseTime|WM/OriginalReleaseYear",
    ),
    _names("compilation", "TCMP", "compilation", "cpil", "WM/IsCompilation"),
    _names("title_sort", "TSOT", "titlesort", "sonm", "WM/TitleSortOrder"),
    _names("album_sort", "TSOA", "albumsort", "soal", "WM/AlbumSortOrder"),
    _names("artist_sorts", "TSOP", "artistsort", "soar", "WM/ArtistSortOrder"),
    _names("album_artist_sorts", "TSO2", "albumartistsort", "soaa", "WM/AlbumArtistSortOrder"),
    _names(
        "label",
        "TPUB|TXXX:LABEL",
        "label|organization|publisher",
        "*LABEL|*PUBLISHER",
        "WM/Publisher",
    ),
    _names(
        "catalog_number",
        "TXXX:CATALOGNUMBER|TXXX:CATALOGID|TXXX:DISCOGS_CATALOG",
        "catalognumber|catalogid|discogs_catalog",
        "*CATALOGNUMBER|*CATALOGID|*DISCOGS_CATALOG",
        "WM/CatalogNo|CATALOGID|DISCOGS_CATALOG",
    ),
    _names("barcode", "TXXX:BARCODE", "barcode|upc|ean", "*BARCODE", "WM/Barcode"),
    _names("comment", "COMM", "comment|description", "©cmt", "Description|WM/Comments"),
    _names(
        "lyrics", "USLT|SYLT", "lyrics|unsyncedlyrics|syncedlyrics", "©lyr|*LYRICS", "WM/Lyrics"
    ),
    _names("bpm", "TBPM|TXXX:BPM", "bpm|tempo", "tmpo|*BPM", "WM/BeatsPerMinute"),
    _names(
        "key",
        "TKEY|TXXX:initialkey",
        "key|initialkey",
        "*initialkey|*KEY",
        "WM/InitialKey|INITIALKEY",
    ),
    _names("isrcs", "TSRC", "isrc", "*ISRC", "WM/ISRC"),
    _names(
        "encoder",
        "TSSE|TENC",
        "encoder|encodersettings|encodedby|encoded-by",
        "©too|*ENCODER",
        "WM/EncodingSettings|WM/EncodedBy|WM/ToolName",
    ),
    _names(
        "mb_recording_id",
        "UFID:http://musicbrainz.org|TXXX:MusicBrainz Track Id",
        "musicbrainz_trackid",
        "*MusicBrainz Track Id",
        "MusicBrainz/Track Id",
    ),
    _names(
        "mb_track_id",
        "TXXX:MusicBrainz Release Track Id",
        "musicbrainz_releasetrackid",
        "*MusicBrainz Release Track Id",
        "MusicBrainz/Release Track Id",
    ),
    _names(
        "mb_release_id",
        "TXXX:MusicBrainz Album Id",
        "musicbrainz_albumid",
        "*MusicBrainz Album Id",
        "MusicBrainz/Album Id",
    ),
    _names(
        "mb_release_group_id",
        "TXXX:MusicBrainz Release Group Id",
        "musicbrainz_releasegroupid",
        "*MusicBrainz Release Group Id",
        "MusicBrainz/Release Group Id",
    ),
    _names(
        "mb_artist_ids",
        "TXXX:MusicBrainz Artist Id",
        "musicbrainz_artistid",
        "*MusicBrainz Artist Id",
        "MusicBrainz/Artist Id",
    ),
    _names(
        "mb_album_artist_ids",
        "TXXX:MusicBrainz Album Artist Id",
        "musicbrainz_albumartistid",
        "*MusicBrainz Album Artist Id",
        "MusicBrainz/Album Artist Id",
    ),
    _names("acoustid_id", "TXXX:Acoustid Id", "acoustid_id", "*Acoustid Id", "Acoustid/Id"),
    *(
        _names(f"replaygain_{which}", f"TXXX:{name}", name, f"*{name}", name)
        for which in ("track_gain", "track_peak", "album_gain", "album_peak")
        for name in (f"REPLAYGAIN_{which.upper()}",)
    ),
    _names("r128_track_gain", "TXXX:R128_TRACK_GAIN", "r128_track_gain", "*R128_TRACK_GAIN", ""),
    _names("r128_album_gain", "TXXX:R128_ALBUM_GAIN", "r128_album_gain", "*R128_ALBUM_GAIN", ""),
)

#: Family to names in lower case to the field they stand for, and which of its names they are.
PLACES: dict[str, dict[str, tuple[str, int]]] = {
    family: {
        name.lower(): (row.field, rank)
        for row in TABLE
        for rank, name in enumerate(getattr(row, family))
    }
    for family in Names._fields[1:]
}


def pick(family: str, values: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The values of each field, from those a file has under its own family's names."""
    places = PLACES[family]
    ranks: dict[str, int] = {}
    picked: dict[str, list[str]] = {}
    for name, found in values.items():
        place = places.get(name)
        if place is not None and found:
            field, rank = place
            if rank < ranks.get(field, len(places)):
                ranks[field], picked[field] = rank, found
    return picked

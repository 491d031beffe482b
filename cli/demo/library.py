"""A library that could be somebody's: artists, albums, scripts, formats, and a few bad files.

Everything is invented, and the same for the same seed.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cli.demo.audio import extension, silence
from cli.demo.cover import SIDE_PIXELS, cover_png
from cli.demo.names import VOICES, Voice
from cli.demo.tagging import Covers, write_tags
from worker.library.model import Tags

#: Written last: a folder that has it is whole.  Hidden, so no scan sees it.
MARKER = ".needle-demo"
#: Formats of albums, and of how many in a hundred.
_FORMATS = (
    *(("mp3", 35), ("mp3 vbr", 15), ("flac", 20), ("m4a", 10), ("ogg", 5), ("opus", 5)),
    *(("wma", 2), ("wv", 2), ("mpc", 1), ("ape", 1), ("aiff", 1), ("wav", 1), ("tta", 1)),
    *(("spx", 1),),
)
_EVERY_SAMPLE_STORED = frozenset({"wav", "aiff"})
_BROKEN_FILES = 5


@dataclass(frozen=True, slots=True)
class _Track:
    path: str  #: relative to the library
    format: str
    seconds: float
    tags: Tags
    covers: Covers = ()


def make_library(
    folder: str | Path, files: int = 300, seed: int = 1, *, light: bool = False
) -> int:
    """Write `files` audio files below `folder`, unless they are there already; returns `files`.

    Of them the last five are broken, if there are more than twenty.  A light library has no covers
    and little audio, so that a large one fits on a disk.  Raises OSError.
    """
    root = Path(folder)
    marker = root / MARKER
    label = f"{files} files, seed {seed}{', light' if light else ''}\n"
    if marker.is_file() and marker.read_text() == label:
        return files
    broken = _BROKEN_FILES if files > 20 else 0
    for _, track in zip(range(files - broken), _tracks(_generator(seed)), strict=False):
        _write(root, replace(track, covers=(), seconds=1.0) if light else track)
    if broken:
        _write_broken(root / "Unsorted")
    root.mkdir(parents=True, exist_ok=True)
    marker.write_text(label)
    return files


def _generator(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - nothing here is a secret


def _write(root: Path, track: _Track) -> None:
    path = root / track.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(silence(track.format, track.seconds))
    # A good part of the MP3 files of the world has ID3v2.3 in UTF-16.
    id3_version = 3 if track.format == "mp3" else 4
    write_tags(path, track.tags, track.covers, id3_version=id3_version)


def _tracks(rng: random.Random) -> Iterator[_Track]:
    """Tracks for ever, album by album."""
    taken: set[str] = set()
    number = 0
    while True:
        number += 1
        voice = VOICES[number % len(VOICES)] if number <= len(VOICES) else rng.choice(VOICES)
        yield from _album(rng, voice, number, taken)


def _album(rng: random.Random, voice: Voice, number: int, taken: set[str]) -> Iterator[_Track]:
    is_compilation = number % 9 == 4
    discs = 2 if number % 9 == 7 else 1
    artist = "Various Artists" if is_compilation else rng.choice(voice.artists)
    title = _free_title(rng, voice, artist, taken)
    form = _format(rng, number)
    covers = _covers(rng) if number % 2 else []
    tags = _album_tags(rng, voice, artist, title, is_compilation=is_compilation)
    per_disc = rng.randint(6, 13)
    titles = iter(voice.titles(rng, per_disc * discs))
    for disc in range(1, discs + 1):
        folder = f"{artist}/{title}" + (f"/CD{disc}" if discs > 1 else "")
        for position in range(1, per_disc + 1):
            track = _track_tags(rng, voice, tags)._replace(
                title=next(titles),
                track_number=position,
                track_total=per_disc,
            )
            if discs > 1:
                track = track._replace(disc_number=disc, disc_total=discs)
            yield _Track(
                path=f"{folder}/{position:02d} - {track.title}.{extension(form)}",
                format=form,
                seconds=rng.uniform(3, 8) if form in _EVERY_SAMPLE_STORED else rng.uniform(20, 60),
                tags=track,
                covers=covers,
            )


def _format(rng: random.Random, number: int) -> str:
    """Every format once, then as often as in the world."""
    if number <= len(_FORMATS):
        return _FORMATS[number - 1][0]
    return rng.choices([form for form, _ in _FORMATS], [weight for _, weight in _FORMATS])[0]


def _covers(rng: random.Random) -> Covers:
    """A front cover of 20 to 200 KB, as people and their programs embed them."""
    side = round(SIDE_PIXELS * 10 ** rng.uniform(0, 0.5))
    return [("front", cover_png(rng.getrandbits(24), side))]


def _free_title(rng: random.Random, voice: Voice, artist: str, taken: set[str]) -> str:
    (title,) = voice.titles(rng, 1)
    count = 1
    while f"{artist}/{title}" in taken:
        count += 1
        title = f"{title.rpartition(' Vol. ')[0] or title} Vol. {count}"
    taken.add(f"{artist}/{title}")
    return title


def _album_tags(
    rng: random.Random, voice: Voice, artist: str, title: str, *, is_compilation: bool
) -> Tags:
    year = rng.randint(1958, 2025)
    tags = Tags(
        artists=(artist,),
        album=title,
        album_artists=(artist,),
        genres=tuple(rng.sample(voice.genres, rng.choice((1, 1, 2)))),
        date=rng.choice((f"{year}", f"{year}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}")),
        compilation=is_compilation,
        label=rng.choice(("Lantern Records", "Disques du Quai", "Sora Sound", None)),
    )
    if rng.random() < 0.5:  # someone has run it through MusicBrainz Picard
        return tags._replace(
            original_date=f"{year}",
            barcode=f"{rng.randrange(10**12):013d}",
            catalog_number=f"LR-{rng.randint(1, 999):03d}",
            artist_sorts=(artist,),
            album_artist_sorts=(artist,),
            mb_release_id=_uuid(rng),
            mb_release_group_id=_uuid(rng),
            mb_artist_ids=() if is_compilation else (voice.id_of(artist),),
            mb_album_artist_ids=(voice.id_of(artist),),
        )
    return tags


def _track_tags(rng: random.Random, voice: Voice, album: Tags) -> Tags:
    tags = album
    if album.compilation:
        guest = rng.choice(rng.choice(VOICES).artists)
        tags = tags._replace(artists=(guest,))
    elif rng.random() < 0.1:
        guest = rng.choice([name for name in voice.artists if name not in album.artists])
        tags = tags._replace(artists=(*album.artists, guest), mb_artist_ids=())
    if album.mb_release_id:
        tags = tags._replace(
            mb_recording_id=_uuid(rng),
            mb_track_id=_uuid(rng),
            acoustid_id=_uuid(rng),
            isrcs=(f"FRX{rng.randrange(10**9):09d}",),
            replaygain_track_gain_db=round(rng.uniform(-12, 3), 2),
            replaygain_track_peak=round(rng.uniform(0.5, 1), 6),
            replaygain_album_gain_db=-7.5,
            replaygain_album_peak=1.0,
        )
    if rng.random() < 0.3:
        tags = tags._replace(
            bpm=float(rng.randint(60, 180)),
            key=rng.choice(("Am", "C", "F#m", "Eb")),
            comment="Ripped with care",
            composers=(rng.choice(voice.artists),),
            has_lyrics=True,
        )
    return tags


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _write_broken(folder: Path) -> None:
    """What every old library has some of."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "empty.mp3").write_bytes(b"")
    (folder / "truncated.flac").write_bytes(silence("flac", 30)[:30])
    (folder / "a text.mp3").write_text("Shopping: milk, bread, batteries.\n")
    (folder / "really flac.mp3").write_bytes(silence("flac", 30))
    tags_only = folder / "tags without music.mp3"
    tags_only.write_bytes(silence("mp3", 1))
    audio_bytes = tags_only.stat().st_size
    write_tags(tags_only, Tags(title="Lost Song", artists=("The Paper Boats",)))
    tags_only.write_bytes(tags_only.read_bytes()[:-audio_bytes])

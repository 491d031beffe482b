"""Looking at the catalog through real processes: the page holds no database driver."""

from __future__ import annotations

import urllib.error
from pathlib import Path
from urllib.parse import quote

import httpx
import mutagen.flac
import pytest

from cli.demo.audio import silence
from tests.integration.stack import Stack, stack
from tests.servers import wait_until

HOSTILE = "<script>hit()</script>\u202e'\"><img src=x onerror=hit()>"


def write(path: Path, **tags: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(silence("flac", 1.0))
    file = mutagen.flac.FLAC(path)
    file.update({name: [text] for name, text in tags.items()})
    file.save()


@pytest.fixture
def scanned(tmp_path: Path) -> Path:
    """A small library with names that are hard to find and hard to show."""
    music = tmp_path / "Music"
    for number, title in enumerate(("Hunter", "Jóga"), 1):
        write(
            music / "Björk" / "Homogenic" / f"{number:02}.flac",
            artist="Björk", albumartist="Björk", album="Homogenic", title=title,
            tracknumber=str(number), genre="Pop", date="1997",
        )  # fmt: skip
    write(music / "odd.flac", artist=HOSTILE, album=HOSTILE, title=HOSTILE)
    (music / "broken Joga.mp3").write_bytes(b"no music at all")
    return music


def test_library_is_asked_of_a_worker(tmp_path: Path, scanned: Path) -> None:
    with stack(tmp_path, scanned) as running:
        empty = running.get("/api/v1/library")
        assert (empty["tracks"], empty["recent"]) == (0, [])
        scan = running.run_scan()

        wait_until(lambda: running.get("/api/v1/library")["tracks"] == 3, what="totals are told")
        totals = running.get("/api/v1/library")
        assert (totals["files"], totals["albums"], totals["problems"]) == (4, 2, 1)
        assert {album["title"] for album in totals["recent"]} >= {"Homogenic"}
        check_search(running, scan["id"])
        check_details(running)
        check_pages(running, scan["id"])

        running.worker.kill()
        with pytest.raises(urllib.error.HTTPError) as refused:
            running.get("/api/v1/library/search?q=bjork")
        with refused.value as answer:
            assert answer.code == 503
            assert b"no_answer" in answer.read()
        with running.valkey.client() as client:
            assert not client.keys("needle:answer:*")


def check_search(running: Stack, scan_id: str) -> None:
    for text in ("joga", "JÓGA bjork", "ｊｏｇａ homogenic"):
        found = running.get(f"/api/v1/library/search?q={quote(text)}")
        assert found["tracks"]["rows"][0]["title"] == "Jóga", text
    found = running.get("/api/v1/library/search?q=joga")
    broken = found["tracks"]["rows"][1]
    assert broken["path"] == "broken Joga.mp3"
    assert (broken["has_tags"], broken["outcome"]) == (False, "unreadable")
    assert broken["scan_id"] == scan_id
    only = running.get("/api/v1/library/search?q=bjork&kind=artists")
    assert [row["name"] for row in only["artists"]["rows"]] == ["Björk"]
    assert only["albums"] is None
    assert running.get("/api/v1/library/search?q=%25")["tracks"]["total"] == 0


def check_details(running: Stack) -> None:
    [row] = running.get("/api/v1/library/search?q=homogenic&kind=albums")["albums"]["rows"]
    album = running.get(f"/api/v1/library/albums/{row['id']}")
    assert [track["title"] for track in album["tracks"]["rows"]] == ["Hunter", "Jóga"]
    artist = running.get(f"/api/v1/library/artists/{album['artists'][0]['id']}")
    assert (artist["artist"]["albums"], artist["artist"]["tracks"]) == (1, 2)
    assert [album["id"] for album in artist["albums"]["rows"]] == [row["id"]]
    for path in ("albums/999999", "artists/999999", "albums/x", "albums/0"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            running.get(f"/api/v1/library/{path}")
        with refused.value as answer:
            assert answer.code == 404


def check_pages(running: Stack, scan_id: str) -> None:
    with httpx.Client(base_url=running.url, timeout=15) as http:
        front = http.get("/library").text
        assert "Homogenic" in front
        assert "<script>hit" not in front
        found = http.get("/library?q=script").text
        assert "&lt;script&gt;hit()" in found
        assert "<script>hit" not in found
        assert "<img" not in found
        problem = http.get("/library?q=broken").text
        assert f'href="/scans/{scan_id}?outcome=unreadable"' in problem
        french = http.get("/library?q=joga&kind=tracks", headers={"Accept-Language": "fr"}).text
        assert "Titres et fichiers" in french
        album = running.get("/api/v1/library/search?q=script&kind=albums")["albums"]["rows"][0]
        for page in (f"/library/albums/{album['id']}", "/library?kind=artists&page=77"):
            answer = http.get(page)
            assert answer.status_code == 200
            assert "<script>hit" not in answer.text
        assert http.get("/library/albums/999999").status_code == 404


def test_questions_are_answered_while_a_scan_runs(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, NEEDLE_BATCH_FILES="1") as running:
        scan_id = running.start_scan()
        wait_until(lambda: running.scan(scan_id)["counts"]["new"], what="something is stored")
        assert running.get("/api/v1/library/search?kind=tracks&limit=1")["tracks"]["total"]
        assert not running.scan(scan_id)["finished_at"], "the scan is still running"
        scan = running.wait_for_end(scan_id)
        listed = running.get("/api/v1/library/search?kind=tracks&limit=1")["tracks"]
        assert listed["total"] == scan["counts"]["files_found"]
        assert len(listed["rows"]) == 1

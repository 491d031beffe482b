"""`needle export` and `needle backup`, as commands of their own."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import NEEDLE, environment, needle
from tests.worker.catalog.scenario import scan, song
from worker.catalog.store import Catalog


@pytest.fixture
def filled(data: Path) -> Path:
    """A data folder with a small catalog."""
    data.mkdir()
    catalog = Catalog(f"sqlite:///{data}/library.db")
    catalog.migrate()
    scan(
        catalog,
        [
            song("1.mp3", 1, title="=HYPERLINK(1)", artists=("Björk", "B"), genres=("Pop",)),
            song(b"\xff\x1b.mp3", 2, title="@two", replaygain_track_gain_db=-6.5),
        ],
    )
    catalog.dispose()
    return data


def test_json_lines_hold_everything(filled: Path) -> None:
    done = needle("export", "--data", str(filled))
    one, two = (json.loads(line) for line in done.stdout.splitlines())
    assert (one["title"], one["artists"], one["genres"]) == (
        "=HYPERLINK(1)",
        ["Björk", "B"],
        ["Pop"],
    )
    assert (two["path"], two["replaygain_track_gain_db"]) == ("%FF%1B.mp3", -6.5)
    assert done.stderr == ""


def test_csv_holds_no_formula(filled: Path) -> None:
    done = needle("export", "--format", "csv", "--data", str(filled))
    one, two = csv.DictReader(io.StringIO(done.stdout))
    assert (one["title"], one["artists"]) == ("'=HYPERLINK(1)", "Björk; B")
    assert (two["title"], two["replaygain_track_gain_db"]) == ("'@two", "-6.5")


def test_outcomes_of_one_scan(filled: Path) -> None:
    options = ("export", "--table", "outcomes", "--data", str(filled))
    told = [json.loads(line) for line in needle(*options, "--scan", "scan-1").stdout.splitlines()]
    assert [(row["path"], row["outcome"]) for row in told] == [
        ("1.mp3", "new"),
        ("%FF%1B.mp3", "new"),
    ]
    assert needle(*options).stdout == needle(*options, "--scan", "scan-1").stdout

    unknown = needle(*options, "--scan", "scan-9")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr.startswith("needle: no scan scan-9 is known")
    tracks = needle("export", "--scan", "scan-1", "--data", str(filled))
    assert (tracks.returncode, tracks.stdout) == (1, "")
    assert tracks.stderr == "needle: --scan goes with --table outcomes only\n"


@pytest.mark.parametrize("table", ["tracks", "albums", "artists", "files", "outcomes"])
def test_empty_catalog_exports_a_header(data: Path, table: str) -> None:
    data.mkdir()
    catalog = Catalog(f"sqlite:///{data}/library.db")
    catalog.migrate()
    catalog.dispose()
    options = ("--table", table, "--data", str(data))
    assert needle("export", *options).stdout == ""
    assert needle("export", "--format", "csv", *options).stdout.startswith(("id,", "scan_id,"))


def test_file_appears_whole_and_private(filled: Path, tmp_path: Path) -> None:
    target, link = tmp_path / "out.json", tmp_path / "link.json"
    target.write_text("old")
    link.symlink_to(target)
    done = needle("export", "--output", str(link), "--data", str(filled))
    assert done.returncode == 0
    assert "2 tracks written" in done.stderr
    assert link.is_symlink()
    assert len(target.read_text().splitlines()) == 2
    assert stat.S_IMODE(target.stat().st_mode) == 0o600

    for bad in ("/dev/full", str(tmp_path), str(tmp_path / "absent" / "x")):
        failed = needle("export", "--output", bad, "--data", str(filled))
        assert failed.returncode == 1
        assert len(failed.stderr.splitlines()) == 1
    assert {entry.name for entry in tmp_path.iterdir()} == {"data", "out.json", "link.json"}


def test_reader_may_stop_early(filled: Path) -> None:
    command = shlex.join([*NEEDLE, "export", "--data", str(filled)]) + " | head -c 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env=environment(),
        capture_output=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == (b"{", b"")
    with open("/dev/full", "wb") as full:
        failed = subprocess.run(
            [*NEEDLE, "export", "--data", str(filled)],
            env=environment(), stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert failed.returncode == 1
    assert "cannot write to standard output: No space left" in failed.stderr


def test_missing_catalog_is_one_line(tmp_path: Path) -> None:
    for command in ("export", "backup"):
        failed = needle(command, "--data", str(tmp_path / "none"))
        assert failed.returncode == 1
        assert failed.stderr.startswith("needle: there is no catalog at ")
        assert len(failed.stderr.splitlines()) == 1
    assert not (tmp_path / "none").exists()


def test_catalog_of_another_version_is_refused(data: Path) -> None:
    data.mkdir()
    (data / "library.db").write_bytes(b"")
    failed = needle("export", "--data", str(data))
    assert failed.returncode == 1
    assert "of another version of Needle" in failed.stderr
    (data / "library.db").write_bytes(b"no database" * 1000)
    failed = needle("export", "--data", str(data))
    assert failed.returncode == 1
    assert "cannot be read: file is not a database" in failed.stderr


def test_backup_is_restored_by_what_it_prints(filled: Path, tmp_path: Path) -> None:
    done = needle("backup", "--data", str(filled))
    assert done.returncode == 0, done.stderr
    [copy] = (filled / "backups").iterdir()
    assert str(copy) in done.stdout
    (filled / "library.db").write_bytes(b"lost")
    (filled / "library.db-wal").write_bytes(b"stale")
    subprocess.run(["sh", "-c", done.stdout.splitlines()[-1].strip()], check=True)
    assert len(needle("export", "--data", str(filled)).stdout.splitlines()) == 2

    target = tmp_path / "mine.db"
    assert needle("backup", "--data", str(filled), "--output", str(target)).returncode == 0
    before = target.read_bytes()
    again = needle("backup", "--data", str(filled), "--output", str(target))
    assert again.returncode == 1
    assert "never replaces" in again.stderr
    assert target.read_bytes() == before
    assert not [name for name in os.listdir(tmp_path) if "partial" in name]


def test_backup_of_postgresql_names_its_own_tool(tmp_path: Path) -> None:
    url = "postgresql://needle:secret@127.0.0.1:1/music"
    failed = needle("backup", NEEDLE_DATABASE_URL=url, NEEDLE_DATA=str(tmp_path))
    assert failed.returncode == 1
    assert "pg_dump --format=custom --file=needle.dump postgresql://needle@" in failed.stderr
    assert "secret" not in failed.stderr

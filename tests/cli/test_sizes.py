"""`needle sizes` against a Redis it reads itself, and against a running Needle."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path

import pytest
import redis

from cli.sizes import locale_language
from tests.cli.running import needle, needle_up
from tests.servers import ValkeyServer, free_port
from tests.wire.measured import SEED
from wire.events import Activity, decode
from wire.keys import Keys
from wire.payloads import read_limits

ENGLISH = [
    "=== CELERY SIZE METRICS ===",
    "Set 131,072: 2 of 15 were cut.",
    "Tasks analysed: 15",
    "Largest args: 45,678 characters",
    "Largest kwargs: 12,345 characters",
    "Mean args: 23,456 characters",
    "Mean kwargs: 5,678 characters",
    "Cut tasks: 2",
]


class Measured:
    """A Redis with the seed's fifteen tasks under a prefix of its own."""

    def __init__(self, server: ValkeyServer, client: redis.Redis) -> None:
        self.url, self.client = server.url, client
        self.keys = Keys(f"test-{uuid.uuid4().hex[:8]}")
        client.hset(self.keys.sizes, mapping=SEED)  # type: ignore[arg-type]

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        here = {"NEEDLE_REDIS_URL": self.url, "NEEDLE_KEY_PREFIX": self.keys.prefix}
        return needle("sizes", *arguments, **{"LC_ALL": "C.UTF-8", **here, **environ})

    def limits(self) -> tuple[int, int] | None:
        raw = self.client.get(self.keys.size_limits)
        assert raw is None or isinstance(raw, bytes)
        found = read_limits(raw)
        return (found.args, found.kwargs) if found else None

    def actors(self) -> list[tuple[str, str]]:
        entries = self.client.xrange(self.keys.activity)
        events = [decode(fields) for _, fields in entries]  # type: ignore[union-attr]
        return [(e.actor, e.action) for e in events if isinstance(e, Activity)]


@pytest.fixture
def measured(valkey_server: ValkeyServer, redis_client: redis.Redis) -> Measured:
    return Measured(valkey_server, redis_client)


def test_report_is_what_the_seed_printed(measured: Measured) -> None:
    done = measured.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[: len(ENGLISH)] == ENGLISH
    assert "Recommended limit for args: 131,072 characters (needed: 54,813)" in done.stdout


def test_report_is_french_by_locale_or_wish(measured: Measured) -> None:
    by_locale = measured.run(LC_ALL="", LANG="fr_FR.UTF-8")
    assert by_locale.stdout == measured.run("--lang", "fr").stdout
    assert "Réglez 131\u202f072\u00a0: 2 sur 15 ont été tronquées." in by_locale.stdout
    assert "Taille moyenne args\u00a0: 23\u202f456 caractères" in by_locale.stdout
    assert measured.run("--lang", "en", LANG="fr_FR.UTF-8").stdout.startswith(ENGLISH[0])


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "fr_CA.UTF-8"}, "fr"),
        ({"LANG": "fr_FR", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_GB", "LC_MESSAGES": "fr_BE"}, "fr"),
        ({"LANG": "de_DE"}, "en"),
    ],
)
def test_locale_chooses_the_language(environ: dict[str, str], language: str) -> None:
    assert locale_language(environ) == language


def test_json_is_the_report_of_the_api(measured: Measured) -> None:
    report = json.loads(measured.run("--json").stdout)
    assert (report["analysed"], report["cut"]) == (15, 2)
    assert report["recommended"] == {"args": 131_072, "kwargs": 131_072}
    assert report["all"]["args"]["chars"]["largest"] == 45_678


def test_apply_undo_and_reset_are_done_and_listed(measured: Measured) -> None:
    done = measured.run("--apply")
    assert done.stdout == (
        "In force in every running process within 5 s: args 131,072, kwargs 131,072.\n"
    )
    assert measured.limits() == (131_072, 131_072)
    assert "set by the terminal" in measured.run().stdout
    assert measured.run("--apply").stdout == "The recommended limits are in force already.\n"
    assert "own limits again" in measured.run("--undo").stdout
    assert measured.limits() is None
    assert "begins anew" in measured.run("--reset").stdout
    assert "Nothing was measured yet." in measured.run().stdout
    assert measured.actors() == [
        ("terminal", "sizes.limits_set"),
        ("terminal", "sizes.limits_undone"),
        ("terminal", "sizes.reset"),
    ]


@pytest.mark.parametrize(
    ("action", "complaint"),
    [
        ("--apply", "needle: Nothing was measured yet, so nothing is recommended.\n"),
        ("--undo", "needle: There is nothing to undo: nobody has set a limit.\n"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    measured: Measured, action: str, complaint: str
) -> None:
    measured.client.delete(measured.keys.sizes)
    done = measured.run(action)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", complaint)


@pytest.mark.parametrize(
    "url", ["redis://:secret@127.0.0.1:{port}/0", "redis+socket:///nowhere/redis.sock"]
)
def test_redis_away_is_one_line_without_the_password(measured: Measured, url: str) -> None:
    done = measured.run(NEEDLE_REDIS_URL=url.format(port=free_port()))
    assert done.returncode == 1
    assert done.stderr.startswith("needle: Redis at ")
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_running_needle_is_asked_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    with needle_up(tmp_path / "data", tmp_path / "music") as up:
        socket = str(tmp_path / "data" / "redis" / "redis.sock")
        with redis.Redis(unix_socket_path=socket) as client:
            client.hset(Keys().sizes, mapping=SEED)  # type: ignore[arg-type]

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            return needle("sizes", *arguments, "--data", str(up.data), LC_ALL="C.UTF-8")

        report = run().stdout.splitlines()  # its own worker's tasks are measured as well
        assert report[1].startswith("Set 131,072: 2 of ")
        assert "Largest args: 45,678 characters" in report
        assert "args 131,072" in run("--apply").stdout
        limits = json.loads(run("--json").stdout)["limits"]
        assert (limits["args"], limits["set_by"]) == (131_072, "terminal")
        assert "own limits again" in run("--undo").stdout
        assert run("--undo").returncode == 1
        assert run("--reset").returncode == 0

"""What `needle up` cannot do it says in one clear line, and leaves nothing running."""

from __future__ import annotations

import contextlib
import fcntl
import io
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.instance import PARTS_LOCK_NAME
from cli.main import main
from tests.cli.running import needle
from tests.servers import ValkeyServer, free_port
from tests.worker.library.privileges import without_privileges
from web.vault import new_token


def refused(*arguments: str, data: Path, **environ: str) -> str:
    """The one line on standard error of an `up` that does not start."""
    own_port = {"NEEDLE_PORT": str(free_port())}  # somebody may run Needle on the usual one
    done = needle("up", *arguments, "--data", str(data), **own_port | environ)
    assert done.returncode == 1, done
    assert "Needle is at" not in done.stdout
    assert _nothing_runs_on(data)
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("needle: ")
    return lines[0]


def said_by(*arguments: str) -> str:
    """The one line of a command that fails, run in this process."""
    output = io.StringIO()
    with contextlib.redirect_stderr(output), pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 1, output.getvalue()
    (line,) = output.getvalue().splitlines()
    return line


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_port_in_use(data: Path, music: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"port {port}: Address already in use; choose another with --port" in refused(
            str(music), "--port", port, data=data
        )


def test_missing_music_folder(data: Path, music: Path) -> None:
    line = refused(str(music), str(music / "gone"), data=data)
    assert f"cannot read the music folder {music}/gone: No such file" in line
    assert not data.exists()


def test_folders_that_are_somebody_elses(open_folder: Path) -> None:
    for name in ("music", "data"):
        (open_folder / name).mkdir()
        (open_folder / name).chmod(0 if name == "music" else 0o555)

    def check() -> None:
        music, data = str(open_folder / "music"), str(open_folder / "data")
        line = said_by("up", music, "--data", data)
        assert line == f"needle: cannot read the music folder {music}: Permission denied"
        line = said_by("up", str(open_folder), "--data", data)
        assert line == f"needle: cannot write to the data folder {data}: Permission denied"

    without_privileges(check)


def test_file_as_music_folder(data: Path, music: Path) -> None:
    (music / "song.mp3").touch()
    assert "Not a directory" in refused(str(music / "song.mp3"), data=data)


def test_file_as_data_folder(data: Path, music: Path) -> None:
    data.touch()
    assert f"cannot write to the data folder {data}" in refused(str(music), data=data)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "pi.lan"])  # noqa: S104
def test_address_that_others_can_reach_without_sign_in(data: Path, music: Path, host: str) -> None:
    line = refused(str(music), "--host", host, data=data, NEEDLE_AUTH="off")
    assert "NEEDLE_AUTH=off" in line


def test_secrets_that_cannot_be_kept(data: Path, music: Path) -> None:
    data.mkdir()
    (data / "secret").mkdir()
    line = refused(str(music), data=data)
    assert f"the secrets cannot be kept in the data folder {data}: Is a directory" in line


def test_secrets_that_others_can_read(data: Path, music: Path) -> None:
    data.mkdir()
    (data / "operator-token").write_text(new_token())
    (data / "operator-token").chmod(0o644)
    assert "others may read" in refused(str(music), data=data)


def test_tokens_that_are_damaged(data: Path, music: Path) -> None:
    """Going on without them would make every token worthless, and the next one overwrite them."""
    data.mkdir()
    (data / "tokens.json").write_text("{")
    line = refused(str(music), "--port", str(free_port()), data=data)
    assert "web ended with exit code 2: " in line
    assert f"{data}/tokens.json cannot be read" in line


def test_certificate_that_is_none(data: Path, music: Path) -> None:
    (music / "cert.pem").write_text("nothing")
    files = ("--tls-cert", str(music / "cert.pem"), "--tls-key", str(music / "cert.pem"))
    assert "NEEDLE_TLS_CERT" in refused(str(music), *files, data=data)


def test_redis_that_is_not_there(data: Path, music: Path) -> None:
    url = f"redis://:secret@127.0.0.1:{free_port()}/0"
    line = refused(str(music), data=data, NEEDLE_REDIS_URL=url)
    assert "cannot be used: Connection refused" in line
    assert "secret" not in line


def test_redis_that_wants_another_password(
    data: Path, music: Path, private_valkey: ValkeyServer
) -> None:
    with private_valkey.client() as client:
        client.config_set("requirepass", "right")
    url = private_valkey.url.replace("127", ":wrong@127", 1)
    assert "WRONGPASS" in refused(str(music), data=data, NEEDLE_REDIS_URL=url)


def test_address_that_is_no_redis(data: Path, music: Path) -> None:
    assert "NEEDLE_REDIS_URL" in refused(str(music), data=data, NEEDLE_REDIS_URL="http://x")


def test_worker_that_cannot_start(data: Path, music: Path) -> None:
    data.mkdir()
    (data / "library.db").write_text("not a database\n" * 100)
    line = refused(str(music), "--port", str(free_port()), data=data)
    assert "worker ended with exit code 1: " in line
    assert f"(see {data}/logs/worker.log)" in line


def test_setting_of_another_kind(data: Path, music: Path) -> None:
    line = refused(str(music), data=data, NEEDLE_SCAN_PROCESSES="many")
    assert "NEEDLE_SCAN_PROCESSES='many': a whole number from 0 to 64" in line


def test_settings_file_that_is_missing(data: Path, music: Path) -> None:
    line = refused(str(music), data=data, NEEDLE_REDIS_URL_FILE=str(data / "none"))
    assert "NEEDLE_REDIS_URL_FILE" in line


def test_misspelt_setting_is_reported(data: Path, music: Path) -> None:
    done = needle("up", str(music / "gone"), "--data", str(data), NEEDLE_MUSICK="x")
    assert "NEEDLE_MUSICK is no setting of Needle" in done.stderr


def test_escapes_in_names_do_not_reach_the_terminal(data: Path, music: Path) -> None:
    assert "\\x1b[31m" in refused(str(music / "\x1b[31m"), data=data)


def _nothing_runs_on(data: Path) -> bool:
    """Whether no process has the lock that all parts inherit."""
    if not (data / PARTS_LOCK_NAME).exists():
        return True
    with (data / PARTS_LOCK_NAME).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True

"""`needle up`: Redis, a worker and the page on this machine, with one command.

Imports stay few: this process lives as long as Needle does, and is to weigh next to nothing.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cli import instance, valkey
from cli.health import page_answers, watcher_beats, worker_beats
from cli.lan import address_for_people, url_of
from cli.parts import Part
from cli.settings import SETTINGS as CLI_SETTINGS
from cli.supervisor import Stopped, Supervisor
from cli.terminal import Failure, complain, say, shown
from web.settings import ALERTS, TLS_CERT, TLS_KEY, is_loopback
from web.settings import SETTINGS as WEB_SETTINGS
from web.settings import read_settings as read_web_settings
from web.vault import VaultError, open_vault
from wire.keys import Keys
from wire.logs import start_logging
from wire.roots import Root, join_roots, make_root
from wire.settings import LOG_FILE, SettingsError, unknown_settings
from worker.settings import SETTINGS as WORKER_SETTINGS
from worker.settings import WorkerSettings
from worker.settings import read_settings as read_worker_settings

#: Files of the demo library.
DEMO_FILES = 300
#: What making a login link may take: on a Raspberry Pi it is about 2.
LINK_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Page:
    """Where the page listens, and how."""

    host: str
    port: int
    certificate: str = ""  #: file; with one the page is served by HTTPS
    sign_in: bool = True
    public_url: str = ""

    @property
    def scheme(self) -> str:
        """`https` with a certificate."""
        return "https" if self.certificate else "http"

    @property
    def is_open(self) -> bool:
        """Whether other machines can reach it."""
        return not is_loopback(self.host)


def up(
    music: Sequence[str],
    *,
    host: str | None,
    port: int | None,
    data: str | None,
    tls_cert: str | None = None,
    tls_key: str | None = None,
) -> None:
    """Run Needle until it is told to stop.

    `music`: folders; empty: NEEDLE_MUSIC, else a demo library made in the data folder.
    Raises Failure when it cannot start; nothing is left running then.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    os.umask(0o077)
    for name in unknown_settings((*WEB_SETTINGS, *WORKER_SETTINGS, *CLI_SETTINGS)):
        complain(f"{name} is no setting of Needle: a typing mistake?")
    environ = dict(os.environ)
    try:
        if data is not None:
            _set(environ, "NEEDLE_DATA", absolute(data))
        if host is not None:
            _set(environ, "NEEDLE_HOST", host)
        if port is not None:
            _set(environ, "NEEDLE_PORT", str(port))
        if music:
            _set(environ, "NEEDLE_MUSIC", join_roots(absolute(path) for path in music))
        for name, path in ((TLS_CERT.name, tls_cert), (TLS_KEY.name, tls_key)):
            if path is not None:
                _set(environ, name, absolute(path))
        web = read_web_settings(environ)
        settings = read_worker_settings(environ)
    except SettingsError as error:
        raise Failure(str(error)) from None
    _set(environ, "NEEDLE_DATA", str(settings.data))
    for root in settings.shared.roots:
        _check_readable(root)
    instance.prepare(settings.data)
    with instance.locked(settings.data) as lock:
        if ALERTS.name not in environ:
            _set(environ, ALERTS.name, str(_alerts_file(settings.data)))
        if web.auth:
            _make_secrets(settings.data)
        page = Page(web.host, web.port, web.tls_cert, web.auth, web.public_url)
        _run(settings, page, lock, environ)


def _alerts_file(folder: Path) -> Path:
    """The file of rules in the data folder, made with nothing but comments when there is none."""
    from web.alerts.sample import sample

    file = folder / "alerts.toml"
    if not file.exists():
        file.write_text(sample(), encoding="utf-8")
    return file


def absolute(path: str) -> str:
    """`path` from the current folder, `~` expanded (zsh leaves it in `MUSIC=~/Music`)."""
    return os.path.abspath(os.path.expanduser(path))


def _set(environ: dict[str, str], name: str, value: str) -> None:
    """Set a setting, whichever way the environment had it."""
    environ.pop(name + "_FILE", None)
    environ[name] = value


def _make_secrets(folder: Path) -> None:
    try:
        open_vault(folder)
    except VaultError as error:
        raise Failure(str(error)) from None


def _run(settings: WorkerSettings, page: Page, lock: int, environ: dict[str, str]) -> None:
    folder, shared = settings.data, settings.shared
    _check_port(page.host, page.port)
    place = (page.scheme, page.host, page.port)
    address = page.public_url or address_for_people(*place)
    environ.pop(LOG_FILE.name + "_FILE", None)
    start_logging("needle", replace(settings.logs, file=folder / "logs" / "needle.log"))
    here = instance.Instance(os.getpid(), url_of(*place), address, page.certificate)
    instance.record(folder, here)
    try:
        roots = shared.roots or (_demo_library(folder / "demo"),)
        _set(environ, "NEEDLE_MUSIC", join_roots(os.fsdecode(root.path) for root in roots))
        server = valkey.choose(folder, environ)
        if server.command:
            instance.record(folder, replace(here, redis=server.url))
        _set(environ, "NEEDLE_REDIS_URL", server.url)
        supervisor = Supervisor(folder / "logs", environ, (lock,))
        try:
            keys = Keys(shared.key_prefix)
            parts = [worker_part(server.url, keys), web_part(page)]
            if settings.watch:
                parts.append(watcher_part(server.url, keys))
            _start(supervisor, server, parts)
            _introduce(supervisor, server, roots, folder)
            _invite(page, address, folder, environ)
            supervisor.watch()
            say("Stopping")
        except Stopped:
            say("Stopping")
        finally:
            supervisor.stop()
        say("Needle has stopped")
    finally:
        instance.forget(folder)


def _start(supervisor: Supervisor, server: valkey.Server, parts: Sequence[Part]) -> None:
    say(f"{'Starting' if server.command else 'Using'} Redis: {server.description}")
    if server.command:
        supervisor.start(redis_part(server))
    warning = valkey.check(server.url)
    if warning:
        complain(warning)
    say("Starting the worker and the page")
    supervisor.start(*parts)


def redis_part(server: valkey.Server) -> Part:
    """A private Redis; it writes its file and ends within a second of SIGTERM."""
    return Part(
        name="redis",
        command=server.command,
        stdin=server.config,
        answers=lambda _: valkey.problem(server.url) is None,
        ending=((signal.SIGTERM, 2.5),),
        foreign=True,
    )


def worker_part(redis_url: str, keys: Keys) -> Part:
    """The worker.  SIGTERM ends it after its tasks, SIGQUIT hands them back first."""
    return Part(
        name="worker",
        command=(sys.executable, "-P", "-m", "worker"),
        answers=lambda pid: worker_beats(redis_url, keys, pid=pid),
        ending=((signal.SIGTERM, 3.5), (signal.SIGQUIT, 2.0)),
    )


def web_part(page: Page) -> Part:
    """The page.  SIGTERM ends it once open streams are closed."""
    return Part(
        name="web",
        command=(sys.executable, "-P", "-m", "web"),
        answers=lambda _: page_answers(page.host, page.port, tls=bool(page.certificate)),
        ending=((signal.SIGTERM, 4.5),),
    )


def watcher_part(redis_url: str, keys: Keys) -> Part:
    """The watcher of folders.  SIGTERM ends it once it has reported what it knows."""
    return Part(
        name="watcher",
        command=(sys.executable, "-P", "-m", "worker.watch"),
        answers=lambda pid: watcher_beats(redis_url, keys, pid=pid),
    )


def _check_readable(root: Root) -> None:
    try:
        with os.scandir(root.path) as entries:
            next(entries, None)
    except OSError as error:
        raise Failure(f"cannot read the music folder {root.display}: {error.strerror}") from None


def _check_port(host: str, port: int) -> None:
    """Say at once, and before anything is started, that the address cannot be had."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
    except OSError as error:
        advice = "choose another with --port" if error.errno == errno.EADDRINUSE else "see --host"
        raise Failure(f"cannot listen on {host} port {port}: {error.strerror}; {advice}") from None


def _demo_library(folder: Path) -> Root:
    """A few hundred tagged files of our own making; made once."""
    if not folder.exists():
        say(f"No music folder given: making a demo library in {shown(str(folder))}")
        unfinished = folder.with_name("demo.new")
        program = (
            "import shutil, sys; from pathlib import Path; "
            "from cli.demo.library import make_library; "
            "shutil.rmtree(sys.argv[1], ignore_errors=True); "
            "make_library(Path(sys.argv[1]), files=int(sys.argv[2]))"
        )
        command = [sys.executable, "-P", "-c", program, str(unfinished), str(DEMO_FILES)]
        if subprocess.run(command, check=False).returncode:
            raise Failure("the demo library could not be made")
        unfinished.rename(folder)
    return make_root(str(folder))


def _introduce(
    supervisor: Supervisor,
    server: valkey.Server,
    roots: Sequence[Root],
    folder: Path,
) -> None:
    pids = supervisor.pids()
    say("")
    for root in roots:
        say(f"  music   {shown(os.fsdecode(root.path))}")
    say(f"  data    {shown(str(folder))}")
    say(f"  redis   {server.description}" + (f", pid {pids['redis']}" if "redis" in pids else ""))
    if server.look:
        say(f"          {server.look}")
    say(f"  worker  pid {pids['worker']}")
    say(f"  web     pid {pids['web']}")
    if "watcher" in pids:
        say(f"  watcher pid {pids['watcher']}")
    say("")


def _invite(page: Page, address: str, folder: Path, environ: Mapping[str, str]) -> None:
    """Say where the page is, and how it is opened."""
    link = _login_link(folder, environ, with_code=page.is_open) if page.sign_in else []
    say(f"Needle is at {address}")
    if link:
        say("Open this link; afterwards the address alone will do:")
        for line in link:
            say(f"  {line}" if line else "")
        say("Another link, for another browser: needle login-link")
    if not page.is_open:
        say("For phones and other machines of the local network: needle up --lan")
    say("Ctrl-C stops it")


def _login_link(folder: Path, environ: Mapping[str, str], *, with_code: bool) -> list[str]:
    """What `needle login-link` says; a process of its own, for ours is to stay small."""
    encoding = sys.stdout.encoding or "ascii"
    command = [sys.executable, "-P", "-m", "cli.main", "login-link", "--data", str(folder)]
    try:
        done = subprocess.run(
            [*command, *(() if with_code else ("--no-qr",))],
            env={**environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
            check=True,
            timeout=LINK_SECONDS,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (error.stderr or b"").decode(encoding, "replace").strip().removeprefix("needle: ")
        complain(f"no login link was made; `needle login-link` tries again. {said}".strip())
        return []
    return done.stdout.decode(encoding, "replace").splitlines()

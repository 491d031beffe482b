"""`GET /events`: what browsers are given, how many there may be, and what ends them."""

from __future__ import annotations

import re
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
import redis

from tests.servers import ValkeyServer, wait_until
from tests.web.conftest import PageServer, page_server
from tests.web.records import beat, publish, publish_scan
from web.render import SECTIONS
from web.stream import STREAMS_A_SESSION, STREAMS_AN_ADDRESS, STREAMS_MAX
from wire.states import ScanState

IDS = {section.id for section in SECTIONS}


class Stream:
    """An open stream, read message by message."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def next(self) -> dict[str, str]:
        """The next message: its fields, `data` joined; comments are passed over."""
        message: dict[str, str] = {}
        for line in self._lines:
            if not line and message:
                return message
            name, _, value = line.partition(":")
            if name:
                value = value.removeprefix(" ")
                message[name] = message[name] + "\n" + value if name in message else value
        return message

    def sections(self) -> set[str]:
        return set(re.findall(r'<hx-partial hx-target="#([\w-]+)"', self.next()["data"]))


@contextmanager
def stream(
    page: PageServer, *, session: str = "", last: str = "", cookie: str = "", address: str = ""
) -> Iterator[Stream]:
    cookies = {"needle_browser": session} if session else {}
    sent = {"Last-Event-ID": last.encode()} if last else {}
    if address:
        sent["X-Forwarded-For"] = address.encode()
    if cookie:
        sent["Cookie"] = cookie.encode()
    with (
        page.client(cookies=cookies) as client,
        client.stream("GET", "/events", headers=sent) as response,
    ):
        yield Stream(response)


def test_stream_is_not_held_back_by_proxies(page: PageServer) -> None:
    with stream(page) as opened:
        headers = opened.response.headers
        assert headers["content-type"].startswith("text/event-stream")
        assert headers["content-encoding"] == "identity"
        assert headers["x-accel-buffering"] == "no"
        assert headers["cache-control"] == "no-store"


def test_first_message_holds_every_section(page: PageServer) -> None:
    with stream(page) as opened:
        first = opened.next()
        assert re.fullmatch(r"\d{1,15}-\d{1,10}", first["id"])
        found = re.findall(
            r'<hx-partial hx-target="#([\w-]+)" hx-swap="outerMorph">(?s:.*?)id="([\w-]+)"',
            first["data"],
        )
        assert [target for target, _ in found] == [section.id for section in SECTIONS]
        assert all(target == element for target, element in found)


def test_change_arrives_within_a_second(page: PageServer, redis_client: redis.Redis) -> None:
    with stream(page) as opened:
        opened.next()
        publish(redis_client, beat("needle@quick"))
        published = time.monotonic()
        while "needle@quick" not in opened.next().get("data", ""):
            pass
        assert time.monotonic() - published < 3  # before the sign of life


def test_only_changed_sections_are_sent(page: PageServer, redis_client: redis.Redis) -> None:
    publish_scan(redis_client)
    with stream(page) as opened:
        opened.next()
        wait_until(lambda: "scan" not in opened.sections(), what="a quiet message")
        publish_scan(redis_client, revision=2, files_found=123_456)
        wait_until(lambda: "scan" in opened.sections(), what="the scan is sent")
        assert "activity" not in opened.sections()


def test_text_cannot_end_a_message(page: PageServer, redis_client: redis.Redis) -> None:
    reason = "a\r\n\r\nevent: forged\rdata: b\n\nid: 1-1\n\n"
    publish_scan(redis_client, state=ScanState.FAILED, reason=reason)
    with stream(page) as opened:
        while "forged" not in (message := opened.next())["data"]:
            pass
        assert set(message) == {"id", "data"}
        assert message["id"] != "1-1"


def test_quiet_page_hears_something_every_five_seconds(page: PageServer) -> None:
    with stream(page) as opened:
        opened.next()
        heard = []
        for _ in range(3):
            before = time.monotonic()
            assert opened.next()["data"]
            heard.append(time.monotonic() - before)
        assert max(heard) < 5


def test_returning_page_gets_what_it_missed(page: PageServer) -> None:
    with stream(page) as opened:
        known = opened.next()["id"]
    with stream(page, last=known) as again:
        assert again.sections() < IDS


@pytest.mark.parametrize(
    "last", ["", "0-0", "garbage", "9" * 15 + "-1", "1" * 40 + "-1", "１-１", "-1"]
)
def test_stranger_gets_everything(page: PageServer, last: str) -> None:
    with stream(page, last=last) as opened:
        assert opened.sections() == IDS


def test_future_version_gets_everything(page: PageServer) -> None:
    with stream(page) as opened:
        epoch = opened.next()["id"].partition("-")[0]
    with stream(page, last=f"{epoch}-9999999999") as again:
        assert again.sections() == IDS


def test_language_of_the_cookie_is_spoken(page: PageServer) -> None:
    with stream(page, cookie="needle_lang=fr") as opened:
        first = opened.next()
        assert "Activité" in first["data"]
    with stream(page, last=first["id"]) as english:
        assert english.sections() == IDS, "what was said in French is unknown in English"


def test_oldest_stream_of_a_session_is_parked(page: PageServer) -> None:
    with ExitStack() as stack:
        mine = [stack.enter_context(stream(page, session="me")) for _ in range(STREAMS_A_SESSION)]
        other = stack.enter_context(stream(page, session="you"))
        for opened in (*mine, other):
            opened.next()
        stack.enter_context(stream(page, session="me"))
        assert last_event(mine[0]) == "needle:parked"
        assert "event" not in mine[1].next()
        assert "event" not in other.next()


def last_event(opened: Stream) -> str:
    """The event after which the stream ends."""
    event = ""
    while message := opened.next():
        event = message.get("event", "")
    return event


def test_too_many_streams_are_refused(page: PageServer) -> None:
    with ExitStack() as stack:
        for number in range(STREAMS_MAX):
            opened = stack.enter_context(stream(page, address=f"192.0.2.{number}"))
            assert opened.response.status_code == 200
        with stream(page) as refused:
            assert refused.response.status_code == 503
            assert refused.response.headers["retry-after"]

    def accepted() -> bool:
        with stream(page) as opened:
            return opened.response.status_code == 200

    wait_until(accepted, what="closed streams make room")


def test_one_address_gets_sixteen_streams(page: PageServer) -> None:
    household = [f"2001:db8::{number:x}" for number in range(STREAMS_AN_ADDRESS)]
    with ExitStack() as stack:
        for address in household:
            opened = stack.enter_context(stream(page, address=address))
            assert opened.response.status_code == 200
        with stream(page, address="2001:db8::ffff") as refused:
            assert refused.response.status_code == 429
            assert refused.response.headers["retry-after"]
        with stream(page, address="2001:db8:0:1::1") as neighbour:
            assert neighbour.response.status_code == 200


def test_fifty_browsers_see_the_same(page: PageServer, redis_client: redis.Redis) -> None:
    def watch(number: int) -> bool:
        with stream(page, address=f"192.0.2.{number}") as opened:
            while "needle@everybody" not in opened.next().get("data", ""):
                pass
            return True

    with ThreadPoolExecutor(50) as pool:
        seen = [pool.submit(watch, n) for n in range(50)]
        publish(redis_client, beat("needle@everybody"))
        assert all(future.result(20) for future in seen)


def test_reader_that_never_reads_is_dropped(private_valkey: ValkeyServer, tmp_path: Path) -> None:
    with page_server(private_valkey.url, tmp_path) as page, private_valkey.client() as client:
        process = psutil.Process(page.process.pid)
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            slow.connect(("127.0.0.1", page.port))
            slow.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            busy = 0

            def dropped() -> bool:
                nonlocal busy
                busy += 1
                for n in range(60):
                    publish(client, beat(f"needle@{n}-" + "x" * 100, busy=busy))
                return b"was dropped" in page.log.read_bytes()

            wait_until(dropped, seconds=60, what="the slow reader is dropped")
            assert process.memory_info().rss < 120 << 20
        assert b"Traceback" not in page.log.read_bytes()


def test_server_stops_at_once_with_open_streams(
    private_valkey: ValkeyServer, tmp_path: Path
) -> None:
    with page_server(private_valkey.url, tmp_path) as page, ExitStack() as stack:
        for _ in range(STREAMS_AN_ADDRESS):
            stack.enter_context(stream(page)).next()
        started = time.monotonic()
        page.process.send_signal(signal.SIGTERM)
        assert page.process.wait(10) == 0
        assert time.monotonic() - started < 8

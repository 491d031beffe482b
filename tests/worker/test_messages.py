"""Which messages a worker takes: those of our own producers, and nothing that harms Celery."""

from __future__ import annotations

import base64
import bz2
import contextlib
import copy
import json
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from inspect import signature
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import InvalidTaskError
from celery.worker.request import Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.servers import ValkeyServer
from wire.names import SCAN_CONTROL
from wire.refusals import Refusal
from wire.transport import VISIBILITY_TIMEOUT_SECONDS, celery_settings
from worker.envelope import RefusedError
from worker.messages import check_command, check_task


def request(scan_id: str, number: float = 0.0, *, flag: bool = False) -> None:
    """What the good messages are for."""


TASKS = {SCAN_CONTROL: signature(request, eval_str=True)}
MOST_BYTES = 100_000
ID = "0b5c1e4e-96a0-4d5b-a1a6-5f3f9c3c1c55"


def packed(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


BODY: list[Any] = [
    [],
    {"scan_id": "x"},
    {"callbacks": None, "errbacks": None, "chain": None, "chord": None},
]


def task(**changes: object) -> dict[str, Any]:
    """A good message, with headers changed."""
    return {
        "body": packed(BODY),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {
            "lang": "py",
            "task": SCAN_CONTROL,
            "id": ID,
            "root_id": ID,
            "eta": None,
            "expires": None,
            "retries": 0,
            "timelimit": [None, None],
            "stamps": {},
        }
        | changes,
        "properties": {
            "correlation_id": ID,
            "reply_to": ID,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": "scan"},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": ID,
        },
    }


def changed(*path: str, to: object) -> dict[str, Any]:
    """A good message with one other field."""
    message = task()
    place = message
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return message


def calling(*args: object, **kwargs: object) -> dict[str, Any]:
    """A message with these arguments."""
    return changed("body", to=packed([args, kwargs, None]))


def compressed(name: str, data: bytes) -> dict[str, Any]:
    return task(compression=name) | {"body": base64.b64encode(data).decode()}


def verdict(message: object) -> Refusal | None:
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    try:
        check_task(data, TASKS, MOST_BYTES, time.time())
    except RefusedError as refused:
        return refused.kind
    return None


@pytest.mark.parametrize(
    "options", [{}, {"expires": 30}, {"countdown": 5}, {"compression": "gzip"}]
)
def test_what_producers_send_is_taken(valkey_server: ValkeyServer, options: dict[str, Any]) -> None:
    app = Celery("producer", set_as_current=False)
    app.conf.update(celery_settings(valkey_server.url))
    app.send_task(SCAN_CONTROL, kwargs={"scan_id": "é"}, **options)
    with valkey_server.client() as client:
        sent: Any = client.rpop("scan")
    check_task(sent, TASKS, MOST_BYTES, time.time())


#: 50 kB that would be 50 MB.
BOMB = zlib.compress(b" " * 50_000_000)
BAD = {
    "garbage": (b"\xff\x00garbage", Refusal.NOT_JSON),
    "nothing": (b"", Refusal.NOT_JSON),
    "pickle": (b"\x80\x04}\x94.", Refusal.NOT_JSON),
    "a list": (b"[1, 2]", Refusal.MALFORMED),
    "a number": (b"7", Refusal.MALFORMED),
    "UTF-16": (json.dumps(task()).encode("utf-16"), Refusal.NOT_JSON),
    "too deep": (b"[" * 100_000, Refusal.MALFORMED),
    "deep": (task(lang=[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]), Refusal.MALFORMED),
    "too long": (b" " * MOST_BYTES + b"{}", Refusal.TOO_LARGE),
    "NaN": (task(retries=float("nan")), Refusal.MALFORMED),
    "half a character": (task(id="\ud800"), Refusal.MALFORMED),
    "kombu's own types": (task(id={"__type__": "uuid", "__value__": "?"}), Refusal.NOT_JSON),
    "no task": (changed("headers", to={}), Refusal.MALFORMED),
    "no headers": (changed("headers", to=None), Refusal.MALFORMED),
    "unknown task": (task(task="os.system"), Refusal.UNKNOWN_TASK),
    "Celery's own task": (task(task="celery.map"), Refusal.UNKNOWN_TASK),
    "a dict for an id": (task(id={}), Refusal.MALFORMED),
    "no id": (task(id=None), Refusal.MALFORMED),
    "a text for limits": (task(timelimit="x"), Refusal.MALFORMED),
    "negative limits": (task(timelimit=[-1, 5]), Refusal.MALFORMED),
    "endless limits": (task(timelimit=[1e9, None]), Refusal.MALFORMED),
    "a moment that is none": (task(eta="tomorrow"), Refusal.MALFORMED),
    "a moment too far": (task(eta="9999-12-31T23:59:59+00:00"), Refusal.MALFORMED),
    "a moment before time": (task(expires=-1e18), Refusal.MALFORMED),
    "a moment nobody can convert": (task(eta="0001-01-01T00:00:00+14:00"), Refusal.MALFORMED),
    "no moment": (task(expires=0), Refusal.MALFORMED),
    "a number for a moment": (task(eta=1_795_000_000.5), Refusal.MALFORMED),
    "an empty moment": (task(eta=""), Refusal.MALFORMED),
    "retries": (task(retries="many"), Refusal.MALFORMED),
    "a header that is an object": (task(chord={"a": 1}), Refusal.MALFORMED),
    "stamps": (task(stamps={"a": 1}), Refusal.MALFORMED),
    "pickled body": (
        changed("content-type", to="application/x-python-serialize"), Refusal.NOT_JSON,
    ),
    "another encoding": (changed("content-encoding", to="utf-7"), Refusal.MALFORMED),
    "no body": (changed("body", to=None), Refusal.MALFORMED),
    "a body that is no base64": (changed("body", to="%%%"), Refusal.MALFORMED),
    "a body of another shape": (changed("body", to=packed({"args": []})), Refusal.MALFORMED),
    "arguments of another shape": (changed("body", to=packed([1, 2, 3])), Refusal.MALFORMED),
    "a body of 2 parts": (changed("body", to=packed([[], {}])), Refusal.MALFORMED),
    "no arguments": (calling(), Refusal.MALFORMED),
    "too many arguments": (calling("x", 1, True), Refusal.MALFORMED),
    "unknown arguments": (calling(scan_id="x", root="/"), Refusal.MALFORMED),
    "an argument of another type": (calling(scan_id=["x"]), Refusal.MALFORMED),
    "a truth for a number": (calling("x", True), Refusal.MALFORMED),
    "tasks that follow": (
        changed("body", to=packed([[], {}, {"callbacks": [{"task": "x"}]}])), Refusal.MALFORMED,
    ),
    "another list": (
        changed("properties", "delivery_info", "routing_key", to="needle:epoch"), Refusal.MALFORMED,
    ),
    "no tag": (changed("properties", "delivery_tag", to=7), Refusal.MALFORMED),
    "no properties": (changed("properties", to=[]), Refusal.MALFORMED),
    "a bomb": (compressed("application/x-gzip", BOMB), Refusal.TOO_LARGE),
    "a cut gzip": (compressed("gzip", zlib.compress(b"[]" * 99)[:-9]), Refusal.MALFORMED),
    "no gzip": (compressed("gzip", b"no gzip"), Refusal.MALFORMED),
    "bzip2": (compressed("bzip2", bz2.compress(b"[]")), Refusal.MALFORMED),
    "brotli": (compressed("application/x-brotli", b"\x8b\x00"), Refusal.MALFORMED),
    "zstd": (compressed("application/zstd", b"(\xb5/\xfd"), Refusal.MALFORMED),
}  # fmt: skip


@pytest.mark.parametrize(("message", "kind"), BAD.values(), ids=BAD)
def test_bad_message_is_refused(message: object, kind: Refusal) -> None:
    assert verdict(message) is kind


@pytest.mark.parametrize("number", [1, 1.5])
def test_whole_number_will_do_for_a_float(number: float) -> None:
    assert verdict(calling("x", number, flag=True)) is None


def test_message_may_be_as_late_as_it_would_be_handed_out_again() -> None:
    now = time.time()
    for seconds, refusal in ((-60, None), (60, Refusal.MALFORMED)):
        moment = datetime.fromtimestamp(now + VISIBILITY_TIMEOUT_SECONDS + seconds, UTC)
        assert verdict(task(expires=moment.isoformat())) is refusal


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The way to every field of a message."""
    if not isinstance(value, dict):
        return [path]
    return [path, *(p for key, item in value.items() for p in places(item, (*path, key)))]


@given(place=st.sampled_from(places(task())[1:]), value=JSON)
def test_whatever_stands_anywhere_is_judged(place: tuple[str, ...], value: object) -> None:
    verdict(changed(*place, to=copy.deepcopy(value)))


#: What is easily taken for good where a text, a number or a moment stands.
ALMOST = st.sampled_from(
    [0, 0.0, -0.0, 1, -1, 1e-9, 1e308, 2**62, False, True, "", "0", "x", "\0", "2026-11-21",
     "2026-11-21T00:00:00", "20261121T000000Z", "2026-W47-6", "2026-11-21T00:00:00,5+01:00",
     "0001-01-01T00:00:00", "1970-01-01", "[]", [], [0, 0], [1, None], [0.001, 1e9], {}]
)  # fmt: skip


@pytest.fixture(scope="module")
def requests(valkey_server: ValkeyServer) -> Iterator[Callable[[dict[str, Any]], Request]]:
    """Makes of a message what a worker of Celery does first; what it raises ends the worker."""
    app = Celery("consumer", set_as_current=False)
    app.conf.update(celery_settings(valkey_server.url))
    registered = app.task(request, name=SCAN_CONTROL, shared=False)
    with app.connection_for_read() as connection, connection.channel() as channel:

        def make(payload: dict[str, Any]) -> Request:
            message = channel.Message(payload, channel=channel)
            return Request(message, app=app, task=registered, decoded=False)

        yield make


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(places(task())[1:]), value=ALMOST | JSON)
def test_what_is_taken_harms_no_worker(
    requests: Callable[[dict[str, Any]], Request], place: tuple[str, ...], value: object
) -> None:
    message = changed(*place, to=copy.deepcopy(value))
    if verdict(message) is None:
        with contextlib.suppress(InvalidTaskError):  # of which Celery says so, and goes on
            made = requests(message)
            made.revoked()
            str(made)


@given(st.binary(max_size=200))
def test_whatever_bytes_there_are_are_judged(data: bytes) -> None:
    assert verdict(data) is not None


def command(**body: object) -> dict[str, Any]:
    message = task()
    message["headers"] = {"clock": 1, "expires": time.time() + 1}
    message["properties"]["delivery_info"] = {"exchange": "celery.pidbox", "routing_key": ""}
    message["body"] = packed({"method": "ping", "arguments": {}, "destination": None} | body)
    return message


@pytest.mark.parametrize("method", ["ping", "active", "revoke", "shutdown", "enable_events"])
def test_operators_commands_are_obeyed(method: str) -> None:
    check_command(command(method=method, destination=["needle@here"]), MOST_BYTES)


@pytest.mark.parametrize(
    "message",
    [
        command(method="pool_grow"),
        command(method="pool_restart", arguments={"modules": ["os"], "reload": True}),
        command(method="add_consumer", arguments={"queue": "other"}),
        command(method=7),
        command(arguments=[1]),
        command(method="revoke", arguments={"task_id": {}}),
        command(method="query_task", arguments={"ids": [1]}),
        command(destination="needle@here"),
        command(pattern="(a+)+$", matcher="pcre"),
        compressed("gzip", BOMB),
        [],
        {},
        {"properties": 7},
        None,
        {"a": [[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]},
    ],
)
def test_other_commands_are_not_obeyed(message: object) -> None:
    with pytest.raises(RefusedError):
        check_command(message, MOST_BYTES)

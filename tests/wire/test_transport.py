"""How Redis addresses are spelt, and which lists hold a queue's messages."""

from __future__ import annotations

import pytest
from celery import Celery
from redis import Redis

from wire.names import QUEUES
from wire.transport import broker_url, celery_settings, client_url, shown_url, waiting_lists

SOCKET = "/run/needle/redis.sock"


@pytest.mark.parametrize("url", [f"unix://{SOCKET}?db=1", f"redis+socket://{SOCKET}?db=1"])
def test_socket_url_is_spelt_for_each_library(url: str) -> None:
    assert client_url(url) == f"unix://{SOCKET}?db=1"
    assert broker_url(url) == f"redis+socket://{SOCKET}?db=1"


def test_other_urls_stay_as_they_are() -> None:
    url = "rediss://user:pass@host:6380/2"
    assert client_url(url) == broker_url(url) == url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:hunter2@host:1/0", "redis://:***@host:1/0"),
        ("redis://me:hunter2@host/0", "redis://me:***@host/0"),
        ("redis://host/0", "redis://host/0"),
    ],
)
def test_password_is_never_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize("queue", [queue.name for queue in QUEUES])
def test_messages_wait_in_the_lists_we_count(
    redis_client: Redis, valkey_server: object, queue: str
) -> None:
    url = "redis://{host}:{port}/0".format(**redis_client.get_connection_kwargs())
    app = Celery("producer")
    app.conf.update(celery_settings(url))
    with app.connection_for_write() as connection:
        for priority in (0, 3, 6, 9):
            app.send_task("x", queue=queue, priority=priority, connection=connection)
    assert [redis_client.llen(name) for name in waiting_lists(queue)] == [1, 1, 1, 1]

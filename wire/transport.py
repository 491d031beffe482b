"""How every process talks to Redis.  Web, worker and cli must use identical broker options.

A process with a shorter visibility timeout would hand the others' running tasks out again, and
one with other priority steps would look for messages in other lists.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from wire.names import (
    PRIORITY_SEPARATOR,
    PRIORITY_STEPS,
    QUEUES,
    ROUTE_GLOBS,
    URGENT,
    URGENT_TASKS,
)

#: Seconds a task of any kind may run before its process is killed.
LONGEST_HARD_LIMIT_SECONDS = 7200
#: Seconds after which an unacknowledged message is handed out again: 3 x the longest limit.
VISIBILITY_TIMEOUT_SECONDS = 3 * LONGEST_HARD_LIMIT_SECONDS
#: Seconds a Redis command of the broker may take before the connection counts as broken.
SOCKET_TIMEOUT_SECONDS = 10


def client_url(url: str) -> str:
    """`url` as redis-py spells it: a unix socket is `unix:///path`."""
    return "unix" + url.removeprefix("redis+socket") if url.startswith("redis+socket:") else url


def broker_url(url: str) -> str:
    """`url` as kombu spells it: a unix socket is `redis+socket:///path`."""
    return "redis+socket" + url.removeprefix("unix") if url.startswith("unix:") else url


def shown_url(url: str) -> str:
    """`url` without its password, for people and logs."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{host}"))


def waiting_lists(queue: str) -> tuple[str, ...]:
    """The Redis lists that hold the waiting messages of `queue`, most urgent first."""
    return tuple(f"{queue}{PRIORITY_SEPARATOR}{p}" if p else queue for p in PRIORITY_STEPS)


def _queue_of(task: str) -> str:
    return next(queue for glob, queue in ROUTE_GLOBS if fnmatchcase(task, glob))


def celery_settings(redis_url: str) -> dict[str, Any]:
    """The Celery settings that producers and workers share, as a plain dict."""
    priority_of = {queue.name: queue.priority for queue in QUEUES}
    routes: dict[str, dict[str, Any]] = {
        name: {"queue": _queue_of(name), "priority": URGENT} for name in URGENT_TASKS
    }
    routes |= {glob: {"queue": q, "priority": priority_of[q]} for glob, q in ROUTE_GLOBS}
    return {
        "broker_url": broker_url(redis_url),
        "broker_transport_options": {
            "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
            "queue_order_strategy": "priority",
            "priority_steps": list(PRIORITY_STEPS),
            "sep": PRIORITY_SEPARATOR,
            "socket_timeout": SOCKET_TIMEOUT_SECONDS,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 25,
        },
        "task_queues": {q.name: {"exchange": q.name, "routing_key": q.name} for q in QUEUES},
        "task_routes": routes,
        "task_default_queue": "deferred",
        "task_create_missing_queues": False,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "result_accept_content": ["json"],
        "task_ignore_result": True,
    }

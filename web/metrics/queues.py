"""Families about queues, about Redis, and about what measuring itself does."""

from __future__ import annotations

from web.metrics.exposition import Buckets, Family
from web.metrics.measured import Measured
from web.metrics.tasks import TaskNames
from web.state import State
from wire import sketch
from wire.payloads import ARGS, DEFAULT_LIMITS, KWARGS, WIRE_BYTES, Sizes, not_serializable

#: Upper bounds of sizes of messages, in bytes: 256 B to 4 MiB.
MESSAGE_BOUNDS = tuple(float(4**power) for power in range(4, 12))

_QUEUE = ("queue_name",)


def queue_families(state: State, measured: Measured) -> list[Family]:
    """Depth, age and consumers of every queue, and what was handed out."""
    length = Family("celery_queue_length", "gauge", "Messages waiting, all priorities.", _QUEUE)
    oldest = Family(
        "needle_queue_oldest_message_age_seconds",
        "gauge",
        "Age of the message that waits longest, 0: none waits.",
        _QUEUE,
    )
    memory = Family("needle_queue_memory_bytes", "gauge", "What a queue takes of Redis.", _QUEUE)
    for queue in measured.queues:
        length.set(queue.waiting, queue.name)
        oldest.set(queue.oldest_seconds, queue.name)
        memory.set(queue.memory_bytes, queue.name)
    unacked = Family("needle_unacked_messages", "gauge", "Messages handed out, not acknowledged.")
    unacked.set(measured.in_flight)
    age = Family(
        "needle_unacked_oldest_age_seconds",
        "gauge",
        "Since the oldest of them was handed out, 0: there is none.",
    )
    age.set(measured.oldest_in_flight_seconds)
    return [length, *_consumers(state, measured), oldest, memory, unacked, age]


def _consumers(state: State, measured: Measured) -> list[Family]:
    consumers = Family("celery_active_consumer_count", "gauge", "Workers taking from it.", _QUEUE)
    workers = Family("celery_active_worker_count", "gauge", "Workers taking from it.", _QUEUE)
    processes = Family("celery_active_process_count", "gauge", "Pool processes of them.", _QUEUE)
    beats = [worker.beat for worker in state.workers if not worker.silent]
    for queue in measured.queues:
        taking = [beat for beat in beats if queue.name in beat.queues]
        consumers.set(len(taking), queue.name)
        workers.set(len(taking), queue.name)
        processes.set(sum(max(0, beat.processes) for beat in taking), queue.name)
    return [consumers, workers, processes]


def redis_families(measured: Measured) -> list[Family]:
    """What Redis takes, and what was refused."""
    used = Family("needle_redis_memory_bytes", "gauge", "Memory that Redis uses.")
    used.set(measured.redis_bytes)
    limit = Family("needle_redis_memory_limit_bytes", "gauge", "What it may use, 0: no limit.")
    limit.set(measured.redis_bytes_max)
    dead = Family("needle_dead_messages", "gauge", "Messages that were refused.")
    dead.set(measured.dead)
    return [used, limit, dead]


def recorder_families(measured: Measured) -> list[Family]:
    """What measuring costs, and what it had to drop."""
    counts = measured.totals.recorder
    flushes = Family("needle_recorder_flushes_total", "counter", "Flushes to Redis.")
    flushes.set(counts.get("flushes", 0))
    cost = Family(
        "needle_recorder_seconds_total", "counter", "Time that measuring took.", ("part",)
    )
    dropped = Family(
        "needle_recorder_dropped_total", "counter", "What did not fit in and is lost.", ("what",)
    )
    for part in ("flush", "handler", "repr", "beat"):
        cost.set(counts.get(f"{part}_us", 0) / 1e6, part)
    for what in ("fields", "records", "changes", "flushes", "beats"):
        dropped.set(0, what)
    for name, number in counts.items():
        if name.startswith("dropped_"):
            dropped.set(number, name.removeprefix("dropped_"))
    return [flushes, cost, dropped]


def size_families(names: TaskNames, measured: Measured) -> list[Family]:
    """Sizes of what tasks carry."""
    messages = Family("needle_message_bytes", "histogram", "Messages in Redis.", ("task_name",))
    largest = Family(
        "needle_largest_payload", "gauge", "Largest value, by measure.", ("task_name", "measure")
    )
    cuts = Family(
        "needle_cut_reprs_total", "counter", "Tasks with a cut repr.", ("task_name", "part")
    )
    for task, sizes in measured.sizes.items():
        name = names(task)
        if sizes[WIRE_BYTES].buckets:
            messages.observe(_message_buckets(sizes[WIRE_BYTES]), name)
        cuts.add(sizes.cut_args, name, ARGS)
        cuts.add(sizes.cut_kwargs, name, KWARGS)
        for measure, value in sizes.measures.items():
            known = largest.numbers.get((name, measure), 0)
            largest.set(max(known, value.max), name, measure)
    limits = measured.limits or DEFAULT_LIMITS
    limit = Family("needle_repr_limit_chars", "gauge", "Limit of reprs in force.", ("part",))
    limit.set(limits.args, ARGS)
    limit.set(limits.kwargs, KWARGS)
    strange = Family(
        "needle_not_serializable",
        "gauge",
        "Kinds of values that JSON cannot hold, seen in the last hour.",
        ("task_name",),
    )
    for name in names:
        strange.add(0, name)
    for task, kinds in not_serializable(measured.findings, measured.at).items():
        strange.add(kinds, names(task))
    return [messages, largest, cuts, strange, limit]


def _message_buckets(sizes: Sizes) -> Buckets:
    counts = [0] * (len(MESSAGE_BOUNDS) + 1)
    for bucket, number in sizes.buckets.items():
        size = sketch.value_of(bucket)
        counts[sum(size > bound for bound in MESSAGE_BOUNDS)] += number
    return Buckets(MESSAGE_BOUNDS, tuple(counts), float(sizes.sum))

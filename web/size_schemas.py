"""The shapes of sizes and limits in the API, as JSON Schema 2020-12."""

from __future__ import annotations

from web.schemas import (
    COUNT,
    COUNT_OR_NULL,
    FLAG,
    NUMBER,
    NUMBER_OR_NULL,
    TEXT,
    TIME_OR_NULL,
    Schema,
    list_of,
    object_of,
    ref,
)
from wire.size_alerts import Rule
from wire.size_report import Verdict
from wire.sizes import HIGHEST_LIMIT, LOWEST_LIMIT, Basis

TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
LIMIT: Schema = {"type": "integer", "minimum": LOWEST_LIMIT, "maximum": HIGHEST_LIMIT}


def _or_null(schema: Schema) -> Schema:
    return {"oneOf": [schema, {"type": "null"}]}


_SPREAD = object_of(
    n=COUNT,
    largest=COUNT_OR_NULL,
    mean=NUMBER_OR_NULL,
    p50=NUMBER_OR_NULL,
    p95=NUMBER_OR_NULL,
    p99=NUMBER_OR_NULL,
)
_BROUGHT = object_of(task_id=TEXT, queue=TEXT, worker=TEXT, at=TIME_OR_NULL, items=COUNT)
_TWO_LIMITS = object_of(args=COUNT, kwargs=COUNT)

SIZE_SCHEMAS: dict[str, Schema] = {
    "SizeSpread": _SPREAD,
    "SizeRecommendation": object_of(
        limit=COUNT_OR_NULL,
        need=COUNT,
        largest=COUNT,
        basis={"type": "string", "enum": [basis.value for basis in Basis]},
        justification=TEXT,
        why=TEXT,
        advice=list_of(TEXT),
        messages=COUNT,
        batch_items=COUNT_OR_NULL,
        cost=object_of(
            shown_chars=COUNT,
            message_bytes=COUNT,
            event_bytes=COUNT,
            monitor_bytes=COUNT,
            cpu_seconds=NUMBER,
        ),
    ),
    "KindSizes": object_of(
        chars=ref("SizeSpread"),
        utf8_bytes=ref("SizeSpread"),
        repr_chars=ref("SizeSpread"),
        cut=COUNT,
        limit=COUNT,
        recommended=ref("SizeRecommendation"),
        histogram=list_of(object_of(low=COUNT, high=COUNT, count=COUNT)),
        largest=_or_null(_BROUGHT),
    ),
    "TaskSizes": object_of(
        task=TEXT,
        analysed=COUNT,
        cut=COUNT,
        not_json=COUNT,
        args=ref("KindSizes"),
        kwargs=ref("KindSizes"),
        wire_bytes=ref("SizeSpread"),
        result_bytes=ref("SizeSpread"),
        days=list_of(
            object_of(day=TEXT, analysed=COUNT, largest_args=COUNT, largest_kwargs=COUNT, cut=COUNT)
        ),
    ),
    "SizeLimits": object_of(
        args=COUNT,
        kwargs=COUNT,
        set=FLAG,
        set_by=TEXT_OR_NULL,
        set_at=TIME_OR_NULL,
        automatic=FLAG,
        ceiling=COUNT,
        previous=_or_null(_TWO_LIMITS),
    ),
    "Sizes": object_of(
        at=TIME_OR_NULL,
        since=TIME_OR_NULL,
        answer=TEXT,
        verdict={"type": "string", "enum": [verdict.value for verdict in Verdict]},
        analysed=COUNT,
        cut=COUNT,
        not_json=COUNT,
        limits=ref("SizeLimits"),
        recommended=_TWO_LIMITS,
        largest=_or_null(
            object_of(task=TEXT, kind=TEXT, chars=COUNT_OR_NULL, who=_or_null(_BROUGHT))
        ),
        all=ref("TaskSizes"),
        tasks=list_of(ref("TaskSizes")),
        alerts=list_of(
            object_of(
                rule={"type": "string", "enum": [rule.value for rule in Rule]},
                task=TEXT,
                message=TEXT,
                meaning=TEXT,
            )
        ),
        findings=list_of(
            object_of(
                task=TEXT,
                kind=TEXT,
                type=TEXT,
                path=TEXT,
                message=TEXT,
                meaning=TEXT,
                task_id=TEXT,
                at=TIME_OR_NULL,
                times=COUNT,
            )
        ),
        cut_per_minute=object_of(
            before=NUMBER_OR_NULL,
            after=NUMBER_OR_NULL,
            minutes=list_of(object_of(at=TIME_OR_NULL, cut=COUNT)),
        ),
        table=list_of(object_of(limit=COUNT, title=TEXT, justification=TEXT)),
    ),
    "SizeLimitsRequest": {
        "type": "object",
        "properties": {
            "args": {**LIMIT, "description": "Characters of `argsrepr`."},
            "kwargs": {**LIMIT, "description": "Characters of `kwargsrepr`."},
            "automatic": {
                "type": "boolean",
                "description": "Alone: switch automatic mode, which keeps both limits.",
            },
            "ceiling": {**LIMIT, "description": "Automatic mode goes no higher."},
        },
        "oneOf": [
            {"required": ["automatic"], "properties": {"args": False, "kwargs": False}},
            {
                "anyOf": [{"required": ["args"]}, {"required": ["kwargs"]}],
                "properties": {"automatic": False, "ceiling": False},
            },
        ],
    },
}

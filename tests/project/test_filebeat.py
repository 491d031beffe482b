"""`monitoring/filebeat.yml` parses what Needle really logs: tried without Filebeat."""

from __future__ import annotations

import fnmatch
import json
import logging
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.project.repository import ROOT
from wire.logs import JsonFormatter

#: Go's reference time, as strptime writes its parts.
LAYOUT = {"2006": "%Y", "01": "%m", "02": "%d", "15": "%H", "04": "%M", "05": "%S", ".999": ".%f"}
#: Fields that Filebeat fills itself, and that are objects in its index.
FILEBEATS_OWN = {
    "agent",
    "ecs",
    "event",
    "host",
    "input",
    "log",
    "process",
    "service",
    "@timestamp",
}


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="safe").load(ROOT / "monitoring/filebeat.yml")
    return document


@pytest.fixture
def source(config: dict[str, Any]) -> dict[str, Any]:
    (only,) = config["filebeat.inputs"]
    assert isinstance(only, dict)
    return only


def lines() -> list[str]:
    formatter = JsonFormatter("worker")
    record = logging.LogRecord(
        "needle.tasks", logging.ERROR, "", 1, "a\nb\u202e\x1b %s", ("x",), None
    )
    record.fields = {"event": "task_failed", "task_id": "t", "args": "[1]", "duration_seconds": 0.5}
    record.exc_info = (ValueError, ValueError("no\n{}"), None)
    return [
        formatter.format(record),
        formatter.format(logging.makeLogRecord({"name": "web", "msg": "plain"})),
    ]


def arrived(source: dict[str, Any], line: str) -> dict[str, Any]:
    """What becomes of a line, done as the configuration says."""
    (parser,) = source["parsers"]
    options = parser["ndjson"]
    event: dict[str, Any] = {"log": {}, options["target"]: json.loads(line)}
    for processor in source["processors"]:
        ((name, rule),) = processor.items()
        namespace, field = (rule.get("field") or rule["fields"][0]).split(".")
        assert rule["when.has_fields"] == [f"{namespace}.{field}"]
        if name == "timestamp":
            (layout,) = rule["layouts"]
            for go, python in LAYOUT.items():
                layout = layout.replace(go, python)
            for text in (*rule["test"], event[namespace][field]):
                event["@timestamp"] = datetime.strptime(text, layout).replace(tzinfo=UTC)
        elif name == "drop_fields":
            del event[namespace][field]
    return event


def test_deprecated_input_is_not_used(source: dict[str, Any]) -> None:
    assert source["type"] == "filestream"
    assert source["id"]
    assert not [key for key in source if key.startswith("json.")]


def test_logs_of_needle_up_are_found_and_old_ones_are_not_sent_twice(
    source: dict[str, Any],
) -> None:
    (pattern,) = source["paths"]
    folder = str(Path(pattern).parent)
    for name in ("worker.log", "web.log", "needle.log"):
        assert fnmatch.fnmatch(f"{folder}/{name}", pattern)
    assert not fnmatch.fnmatch(f"{folder}/worker.log.1", pattern)
    assert "file_identity.fingerprint" in source
    (excluded,) = source["prospector.scanner.exclude_files"]
    assert re.search(excluded, f"{folder}/redis.log"), "that one is no JSON"
    assert not re.search(excluded, f"{folder}/worker.log")


@pytest.mark.parametrize("line", lines(), ids=["failure", "plain"])
def test_our_lines_arrive_as_fields(source: dict[str, Any], line: str) -> None:
    event = arrived(source, line)
    record = json.loads(line)
    time = datetime.fromisoformat(record.pop("time"))
    assert event["@timestamp"] == time
    assert event["needle"] == record
    assert source["parsers"][0]["ndjson"]["target"] not in FILEBEATS_OWN
    assert all(not isinstance(value, (dict, list)) for value in record.values()), "one type a field"


def test_index_has_its_template(config: dict[str, Any]) -> None:
    index = config["output.elasticsearch"]["index"].partition("%{")[0]
    assert index.startswith(config["setup.template.name"])
    assert fnmatch.fnmatch(index + "2026.11.21", config["setup.template.pattern"])
    assert config["setup.ilm.enabled"] is False

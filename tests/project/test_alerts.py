"""Every rule of alerts has its runbook, and every runbook its rule."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.project.repository import ROOT
from web.alerts.measures import MEASURES
from web.alerts.rules import RULES
from web.alerts.words import HINTS, NAMES
from web.metrics.measured import Measured
from web.metrics.monitor import Reading
from web.prometheus import families_of
from web.state import State

MONITORING = ROOT / "monitoring"
DASHBOARDS = sorted((MONITORING / "grafana/dashboards").glob("*.json"))
PROMETHEUS = [
    rule
    for group in YAML(typ="safe").load(MONITORING / "alerts.yml")["groups"]
    for rule in group["rules"]
]
#: Of what Needle cannot tell itself.
ONLY_PROMETHEUS = {"NeedleDown", "RedisDown"}
#: The same, said in another way: 0 or 1 in place of seconds and counts.
OTHERWISE = {"CeleryNoWorkersRunning", "CeleryWorkerDown", "CatalogUnusable"}
#: What /metrics tells, and Prometheus itself.
TOLD = {
    name + end
    for family in families_of(Reading(State(version=1, at=0.0), Measured(at=0.0)), sse_clients=0)
    for name, end in ((family.name, ""), (family.name, "_bucket"), (family.name, "_sum"),
                      (family.name, "_count"))
} | {"up"}  # fmt: skip


def minutes(text: str) -> int:
    """Of a duration such as `10m`."""
    return int(text.removesuffix("m"))


def names_in(expression: str) -> set[str]:
    """The metrics that a PromQL expression names."""
    plain = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(by|on) \([^)]*\)", "", expression)
    words = set(re.findall(r"\b[a-z_]{2,}\b(?!\()", plain))
    return words - {"or", "unless", "offset", "sum", "max", "by", "on"}


def test_every_rule_has_a_runbook() -> None:
    chapter = (ROOT / "docs/operate.md").read_text().partition("\n## Alerts\n")[2]
    chapter = chapter.partition("\n## ")[0]
    headings = re.findall(r"^### (\w+)$", chapter, flags=re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert set(headings) == {rule.name for rule in RULES} | {rule["alert"] for rule in PROMETHEUS}


def test_rules_for_prometheus_name_their_runbooks() -> None:
    for rule in PROMETHEUS:
        assert rule["annotations"]["runbook"] == f"docs/operate.md#{rule['alert'].lower()}"


def test_prometheus_has_the_rules_of_needle_itself() -> None:
    theirs = {rule["alert"]: rule for rule in PROMETHEUS}
    assert set(theirs) == {rule.name for rule in RULES} | ONLY_PROMETHEUS
    for rule in RULES:
        assert theirs[rule.name]["labels"]["severity"] == rule.severity.value, rule.name
        if rule.name not in OTHERWISE:
            told = theirs[rule.name]
            assert minutes(told.get("for", "0m")) * 60 == rule.for_seconds, rule.name
            sign = "<" if rule.below else ">"
            assert re.search(rf"{sign} {rule.threshold:.10g}($|\D)", told["expr"]), rule.name


def test_rules_ask_for_what_is_told() -> None:
    for rule in PROMETHEUS:
        assert names_in(rule["expr"]) <= TOLD, rule["alert"]


@pytest.mark.parametrize("order", [("check", "rules", "alerts.yml"),
                                   ("test", "rules", "alerts.test.yml", "alerts.week.test.yml"),
                                   ("check", "config", "prometheus.yml")])  # fmt: skip
def test_promtool_is_content(order: tuple[str, ...]) -> None:
    program = shutil.which("promtool")
    assert program, "promtool is missing: apt install prometheus"
    done = subprocess.run([program, *order], cwd=MONITORING, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_is_tested_firing_and_quiet() -> None:
    files = [YAML(typ="safe").load(path) for path in MONITORING.glob("*.test.yml")]
    cases = [case for file in files for group in file["tests"] for case in group["alert_rule_test"]]
    for wanted in (True, False):
        tested = {case["alertname"] for case in cases if bool(case["exp_alerts"]) is wanted}
        assert tested == {rule["alert"] for rule in PROMETHEUS}


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboard_can_be_imported(board: Path) -> None:
    document = json.loads(board.read_text())
    assert document["uid"] == f"needle-{board.stem}"
    assert len({panel["id"] for panel in document["panels"]}) == len(document["panels"])
    for panel in document["panels"]:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        assert all(t["datasource"]["uid"] == "${datasource}" for t in panel["targets"])


def test_every_measure_has_a_name_and_a_hint() -> None:
    assert set(NAMES) == set(HINTS) == set(MEASURES)

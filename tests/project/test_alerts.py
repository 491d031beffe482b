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

MONITORING = ROOT / "monitoring"
DASHBOARDS = sorted((MONITORING / "grafana/dashboards").glob("*.json"))
PROMETHEUS = [
    rule
    for group in YAML(typ="safe").load(MONITORING / "alerts.yml")["groups"]
    for rule in group["rules"]
]


def test_every_rule_has_a_runbook() -> None:
    chapter = (ROOT / "docs/operate.md").read_text().partition("\n## Alerts\n")[2]
    chapter = chapter.partition("\n## ")[0]
    headings = re.findall(r"^### (\w+)$", chapter, flags=re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert set(headings) == {rule.name for rule in RULES} | {rule["alert"] for rule in PROMETHEUS}


def test_rules_for_prometheus_name_their_runbooks() -> None:
    for rule in PROMETHEUS:
        assert rule["annotations"]["runbook"] == f"docs/operate.md#{rule['alert'].lower()}"


def test_severities_are_those_of_needle_itself() -> None:
    ours = {rule.name: rule.severity.value for rule in RULES}
    for rule in PROMETHEUS:
        name = rule["alert"]
        assert ours.get(name, "critical") == rule["labels"]["severity"], name


@pytest.mark.parametrize("order", [("check", "rules", "alerts.yml"),
                                   ("test", "rules", "alerts.test.yml"),
                                   ("check", "config", "prometheus.yml")])  # fmt: skip
def test_promtool_is_content(order: tuple[str, ...]) -> None:
    program = shutil.which("promtool")
    assert program, "promtool is missing: apt install prometheus"
    done = subprocess.run([program, *order], cwd=MONITORING, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_is_tested_firing_and_quiet() -> None:
    groups = YAML(typ="safe").load(MONITORING / "alerts.test.yml")["tests"]
    cases = [case for group in groups for case in group["alert_rule_test"]]
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

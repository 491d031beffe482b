"""Every rule of alerts has its runbook, and every runbook its rule."""

from __future__ import annotations

import re

from tests.project.repository import ROOT
from web.alerts.measures import MEASURES
from web.alerts.rules import RULES
from web.alerts.words import HINTS, NAMES


def test_every_rule_has_a_runbook() -> None:
    chapter = (ROOT / "docs/operate.md").read_text().partition("\n## Alerts\n")[2]
    chapter = chapter.partition("\n## ")[0]
    assert re.findall(r"^### (\w+)$", chapter, flags=re.MULTILINE) == [r.name for r in RULES]


def test_every_measure_has_a_name_and_a_hint() -> None:
    assert set(NAMES) == set(HINTS) == set(MEASURES)

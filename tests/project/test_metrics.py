"""docs/metrics.md names every family with its labels, and no other."""

from __future__ import annotations

import re

from tests.project.repository import ROOT
from web.metrics.measured import Measured
from web.metrics.monitor import Reading
from web.prometheus import families_of
from web.state import State
from wire import domain

DOCUMENT = (ROOT / "docs/metrics.md").read_text()
ROWS = re.findall(r"^\| (`[a-z].*?) \| (.*?) \|", DOCUMENT, flags=re.MULTILINE)
DOCUMENTED = {
    name: tuple(re.findall(r"`(\w+)`", labels))
    for names, labels in ROWS
    for name in re.findall(r"`(\w+)`", names)
}
FAMILIES = {
    family.name: family.labels
    for family in families_of(Reading(State(version=1, at=0.0), Measured(at=0.0)), sse_clients=0)
}
DOMAIN = {
    domain.TRAINING_SECONDS, domain.TUNING_SECONDS, domain.TRAININGS, domain.MODELS_TRAINED,
    domain.TUNINGS, domain.TUNING_ITERATIONS, domain.TRAINING_SAMPLES, domain.TRAINING_FEATURES,
    domain.TUNING_BEST_SCORE,
}  # fmt: skip


def test_every_family_is_documented_with_its_labels() -> None:
    assert {name: DOCUMENTED.get(name) for name in FAMILIES} == FAMILIES


def test_no_other_family_is_documented() -> None:
    assert DOCUMENTED.keys() - FAMILIES.keys() == DOMAIN

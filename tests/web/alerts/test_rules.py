"""The file of rules: what it may say, and how it is told what is wrong."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.alerts.measures import MEASURES
from web.alerts.rules import RULES, AlertSettings, Rule, RuleError, parse
from web.alerts.sample import sample
from wire.alerts import Severity


def rule_of(settings: AlertSettings, name: str) -> Rule:
    return next(rule for rule in settings.rules if rule.name == name)


def test_rules_of_our_own_watch_known_measures() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert {rule.measure for rule in RULES} == set(MEASURES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_threshold_itself_is_no_trouble(rule: Rule) -> None:
    assert not rule.breaks(rule.threshold)
    assert not rule.is_clear(rule.threshold - 1e6 if rule.below else rule.threshold + 1e6)


def test_empty_file_changes_nothing() -> None:
    assert parse("") == AlertSettings(RULES)


def test_sample_says_what_holds_anyway() -> None:
    assert parse(sample()) == AlertSettings(RULES)
    tables = re.sub("^# ?", "", sample().partition('severity = "info"\n')[2], flags=re.MULTILINE)
    lines = [line for line in tables.splitlines() if "=" in line or line.startswith("[")]
    assert parse("\n".join(lines)) == AlertSettings(RULES)


def test_file_changes_one_value_of_a_rule() -> None:
    changed = rule_of(parse('[rules.CeleryQueueDeep]\nabove = 50\nfor = "90 s"'), "CeleryQueueDeep")
    assert (changed.threshold, changed.for_seconds) == (50, 90)
    assert changed.measure == "queue_depth"


def test_file_switches_a_rule_off_and_makes_another() -> None:
    settings = parse(
        """
        notify = ["ntfys://ntfy.example/needle"]
        repeat = "2 h"
        [rules.QueueBacklog]
        enabled = false
        [rules.covers-wait]
        measure = "queue_depth"
        subject = "covers"
        above = 10
        clear = 2
        severity = "critical"
        """
    )
    assert not rule_of(settings, "QueueBacklog").enabled
    assert rule_of(settings, "covers-wait") == Rule(
        "covers-wait", "queue_depth", 10, clear=2, severity=Severity.CRITICAL, subject="covers"
    )
    assert settings.notify == ("ntfys://ntfy.example/needle",)
    assert settings.repeat_seconds == 7200


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules = 1", "tables"),
        ("[rules", "not TOML"),
        ("[rule.x]", "'rule' is not known; notify, repeat, rules are"),
        ("[rules.Mine]\nabove = 1", "no such rule"),
        ("[rules.Mine]\nmeasure = 'moon'\nabove = 1", "rule 'Mine': measure: one of "),
        ("[rules.QueueBacklog]\nabove = 1\nbelow = 1", "above or below, not both"),
        ("[rules.QueueBacklog]\nabove = true", "a number is needed"),
        ("[rules.QueueBacklog]\nabove = nan", "a number is needed"),
        ("[rules.QueueBacklog]\nabove = '1'", "a number is needed"),
        ("[rules.QueueBacklog]\nfor = '5 minutes'", '"5 min" is needed'),
        ("[rules.QueueBacklog]\nfor = -1", '"5 min" is needed'),
        ("[rules.QueueBacklog]\nseverity = 'bad'", "critical, warning, info"),
        ("[rules.QueueBacklog]\nclear = 101", "beyond the threshold itself"),
        ("[rules.QueueBacklog]\nenabled = 1", "true or false"),
        ("[rules.QueueBacklog]\nsubject = ''", "a text is needed"),
        ("[rules.QueueBacklog]\nabov = 3", "'abov' is not known"),
        ("[rules.'a b']\nabove = 1", "a name of letters"),
        ("notify = 'ntfy://x'", "a list of addresses"),
        ("notify = ['x']", "begins with its service"),
    ],
)
def test_bad_rule_is_told_in_one_line(text: str, words: str) -> None:
    with pytest.raises(RuleError, match=re.escape(words)) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        settings = parse(text)
    except RuleError:
        return
    assert settings.rules[: len(RULES)]


@given(st.floats(-1e9, 1e9), st.booleans(), st.floats(-1e9, 1e9))
def test_no_value_is_trouble_and_clear_at_once(threshold: float, below: bool, value: float) -> None:
    rule = Rule("r", "queue_depth", threshold, below=below)
    assert not (rule.breaks(value) and rule.is_clear(value))

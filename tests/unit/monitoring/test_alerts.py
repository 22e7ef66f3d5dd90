"""Every rule is about metrics that exist, and leads to a page that says what to do."""

import re
from pathlib import Path

import pytest
from monitoring.alerts import RUNBOOKS, Alert, all_alerts
from tests.unit.monitoring.expressions import grouping_labels, metrics_in
from tests.unit.monitoring.known import LINES, unknown_of

from zookeeper_operator.api.conditions import CONDITION_TYPES
from zookeeper_operator.api.reasons import REASONS

ROOT = Path(__file__).parents[3]
ALERTS = tuple(all_alerts())
_REASONS = re.compile(r'reason(?:=|=~|!~)"([^"]+)"')
_MATCHERS = re.compile(r'type="(\w+)", reason(=~|!~|!=|=)"([^"]*)"')
_LABELS = re.compile(r"\{\{ \$labels\.(\w+) \}\}")

each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)


@each_alert
@pytest.mark.parametrize("line", LINES)
def test_every_metric_of_a_rule_exists(alert: Alert, line: str) -> None:
    assert unknown_of(metrics_in(alert.expression), line) == {}


@each_alert
def test_every_reason_of_a_rule_exists(alert: Alert) -> None:
    named = {name for group in _REASONS.findall(alert.expression) for name in group.split("|")}
    assert named <= set(REASONS)


@each_alert
def test_a_rule_keeps_the_labels_that_its_texts_use(alert: Alert) -> None:
    """Otherwise a person reads an empty name."""
    used = set(_LABELS.findall(alert.summary + alert.description + alert.runbook))
    assert used <= grouping_labels(alert.expression)


@each_alert
def test_an_alert_has_a_page_that_says_what_to_do(alert: Alert) -> None:
    page, _, anchor = alert.runbook.partition("#")
    if page.startswith("{{"):
        return  # of a reason, which is checked below
    path = ROOT / RUNBOOKS / page
    assert path.exists()
    headings = re.findall(r"^## (\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert not anchor or anchor in {heading.lower() for heading in headings}


def test_every_reason_that_leads_to_its_own_page_has_one() -> None:
    for alert in ALERTS:
        if alert.runbook == "{{ $labels.reason }}.md":
            reasons = alarming_reasons(alert)
            assert reasons, alert.name
            assert all(REASONS[name].runbook for name in reasons), alert.name


def alarming_reasons(alert: Alert) -> set[str]:
    """The reasons with which the condition of an alert is False and the alert fires."""
    ((type_, operator, pattern),) = _MATCHERS.findall(alert.expression)
    return {
        reason
        for reason in CONDITION_TYPES[type_].typical_reasons
        if REASONS[reason].severity != "normal"
        and bool(re.fullmatch(pattern, reason)) is not operator.startswith("!")
    }


def test_the_page_of_alerts_is_about_alerts_that_exist() -> None:
    page = (ROOT / RUNBOOKS / "Alerts.md").read_text(encoding="utf-8")
    named = re.findall(r"^## (\w+)$", page, re.MULTILINE)
    linked = [a.name for a in ALERTS if a.runbook.startswith("Alerts.md")]
    assert sorted(named) == sorted(linked)


def test_names_are_taken_once() -> None:
    assert len({alert.name for alert in ALERTS}) == len(ALERTS)
    assert all(re.fullmatch(r"Zookeeper[A-Z][A-Za-z]+", alert.name) for alert in ALERTS)

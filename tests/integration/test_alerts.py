"""The alert rules, evaluated by Prometheus's own promtool: each fires when it must, and not otherwise."""

import re
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from monitoring.__main__ import CHART
from monitoring.alerts import Alert, all_alerts
from tests.integration.alert_cases import CASES, SCENARIOS, Case
from tests.integration.alert_delays import FIRING, begins, due, extended, history
from tests.integration.timelines import STEP_SECONDS, Phase, input_series, length

ALERTS: Final = {alert.name: alert for alert in all_alerts()}
_LABEL: Final = re.compile(r"\{\{ \$labels\.(\w+) \}\}")


def expected(alert: Alert, labels: Mapping[str, str]) -> dict[str, Any]:
    """An alert that fires, as promtool wants it named."""
    rule = alert.to_rule()
    return {
        "exp_labels": {**rule["labels"], **labels},
        "exp_annotations": {
            name: _LABEL.sub(lambda found: labels[found[1]], text)
            for name, text in rule["annotations"].items()
        },
    }


def unit_test(phases: Sequence[Phase], checks: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "interval": f"{STEP_SECONDS}s",
        "input_series": input_series(phases),
        "alert_rule_test": checks,
    }


def at_the_end(case: Case) -> dict[str, Any]:
    alert = ALERTS[case.alert]
    return unit_test(
        case.phases,
        [
            {
                "eval_time": f"{(length(case.phases) - 1) * STEP_SECONDS}s",
                "alertname": case.alert,
                "exp_alerts": [expected(alert, labels) for labels in case.fires],
            }
        ],
    )


def silent_throughout(phases: Sequence[Phase]) -> dict[str, Any]:
    return unit_test(
        phases,
        [
            {"eval_time": f"{step * STEP_SECONDS}s", "alertname": name, "exp_alerts": []}
            for step in range(length(phases))
            for name in ALERTS
        ],
    )


def promtool(tools: Path, directory: Path, tests: list[dict[str, Any]], *names: str) -> str:
    """What promtool says of these tests; empty if all of them pass.

    It evaluates the rules of these names alone, and without a name all: it does so for every step of a test.
    """
    rules = yaml.safe_load((CHART / "rules.yaml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        group["rules"] = [rule for rule in group["rules"] if not names or rule["alert"] in names]
    (directory / "rules.yaml").write_text(yaml.safe_dump(rules))
    path = directory / "tests.yaml"
    content = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": f"{STEP_SECONDS}s",
        "tests": tests,
    }
    path.write_text(yaml.safe_dump(content))
    done = subprocess.run(
        [str(tools / "promtool"), "test", "rules", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_rules_are_valid(prometheus_tools: Path) -> None:
    done = subprocess.run(
        [str(prometheus_tools / "promtool"), "check", "rules", str(CHART / "rules.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"{len(ALERTS)} rules found" in done.stdout


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.why}")
def test_an_alert_fires_when_it_must_and_not_otherwise(
    prometheus_tools: Path, tmp_path: Path, case: Case
) -> None:
    assert promtool(prometheus_tools, tmp_path, [at_the_end(case)], case.alert) == ""


def test_every_alert_has_a_case_of_each_kind() -> None:
    firing = Counter(case.alert for case in CASES if case.fires)
    silent = Counter(case.alert for case in CASES if not case.fires)
    assert set(firing) == set(silent) == set(ALERTS)


def at(seconds: float, alert: str, fires: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    return {
        "eval_time": f"{seconds:g}s",
        "alertname": alert,
        "exp_alerts": [expected(ALERTS[alert], labels) for labels in fires],
    }


def test_each_alert_fires_in_its_own_time_and_two_scrapes(
    prometheus_tools: Path, tmp_path: Path
) -> None:
    """Not before its own time, and no later than two scrapes after it; by the clock of promtool."""
    said = []
    for name, case in FIRING.items():
        start = begins(case.phases)
        phases = extended(history(name), start + due(name))
        early = start + ALERTS[name].lasting_seconds - STEP_SECONDS
        checks = [at(early, name, [])] if ALERTS[name].lasting else []
        test = unit_test(phases, [*checks, at(start + due(name), name, case.fires)])
        said.append(promtool(prometheus_tools, tmp_path, [test], name))
    assert "".join(said) == ""


@pytest.mark.parametrize("name", SCENARIOS)
def test_ordinary_work_sets_off_no_alert(prometheus_tools: Path, tmp_path: Path, name: str) -> None:
    assert promtool(prometheus_tools, tmp_path, [silent_throughout(SCENARIOS[name])]) == ""


def test_a_scenario_would_show_an_alert(prometheus_tools: Path, tmp_path: Path) -> None:
    """A loss that is not the operator's own sets off what a scenario must not."""
    case = next(case for case in CASES if case.alert == "ZookeeperNoQuorum" and case.fires)
    said = promtool(prometheus_tools, tmp_path, [silent_throughout(case.phases)])
    assert "ZookeeperNoQuorum" in said

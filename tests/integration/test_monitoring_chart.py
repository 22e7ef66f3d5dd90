"""The objects of the chart for Prometheus and Grafana, rendered by Helm: what is in them, and when."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from monitoring.alerts import RUNBOOKS, rule_file
from monitoring.dashboards import DASHBOARDS
from tests.unit.ensemble.build.targets import target

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.pod import build_pod_template

ROOT: Final = Path(__file__).parents[2]
CHART: Final = ROOT / "charts" / "zookeeper-operator"
SCRAPE: Final = ROOT / "docs" / "monitoring" / "scrape.yaml"
ALL: Final = ("podMonitors.enabled=true", "rules.enabled=true", "dashboards.enabled=true")


def render(helm: Path, *values: str) -> list[dict[str, Any]]:
    text = subprocess.run(
        [
            *(str(helm), "template", "zookeeper-operator", str(CHART)),
            *("--namespace", "operators", "--kube-version=1.37.0"),
            *(f"--set={value}" for value in values),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [body for body in yaml.safe_load_all(text) if body]


def of_kind(bodies: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [body for body in bodies if body["kind"] == kind]


def monitoring(*values: str) -> tuple[str, ...]:
    return tuple(f"monitoring.{value}" for value in values)


def test_nothing_of_it_is_there_by_default(helm: Path) -> None:
    """The cluster may not have the resource definitions of the Prometheus operator."""
    kinds = {body["kind"] for body in render(helm)}
    assert not kinds & {"PodMonitor", "PrometheusRule", "ConfigMap"}


def test_an_upgrade_with_the_values_of_an_older_chart_renders(helm: Path) -> None:
    assert of_kind(render(helm, "monitoring=null"), "Deployment")


def test_the_older_value_still_creates_the_monitor_of_the_operator(helm: Path) -> None:
    (monitor,) = of_kind(
        render(helm, "podMonitor.enabled=true", "podMonitor.interval=7s"), "PodMonitor"
    )
    assert monitor["metadata"]["name"] == "zookeeper-operator"
    assert monitor["spec"]["podMetricsEndpoints"][0]["interval"] == "7s"


def test_the_rules_are_those_of_the_file(helm: Path) -> None:
    (rule,) = of_kind(
        render(helm, *monitoring("rules.enabled=true", "rules.labels.a=b")), "PrometheusRule"
    )
    assert rule["spec"] == rule_file()
    assert rule["metadata"]["labels"]["a"] == "b"


def test_runbooks_can_be_anywhere(helm: Path) -> None:
    base = "https://example.org/books/"
    values = monitoring("rules.enabled=true", f"rules.runbookBase={base}")
    (rule,) = of_kind(render(helm, *values), "PrometheusRule")
    found = [r["annotations"]["runbook_url"] for g in rule["spec"]["groups"] for r in g["rules"]]
    wanted = [
        r["annotations"]["runbook_url"].replace(RUNBOOKS, base)
        for g in rule_file()["groups"]
        for r in g["rules"]
    ]
    assert found == wanted


def test_the_dashboards_are_those_of_the_code(helm: Path) -> None:
    maps = of_kind(render(helm, *monitoring("dashboards.enabled=true")), "ConfigMap")
    found = [json.loads(text) for body in maps for text in body["data"].values()]
    assert found == sorted(DASHBOARDS, key=lambda board: str(board["uid"]))
    assert all(body["metadata"]["labels"]["grafana_dashboard"] == "1" for body in maps)


def monitors(helm: Path, *values: str) -> tuple[dict[str, Any], dict[str, Any]]:
    operator, members = of_kind(render(helm, *monitoring(*ALL), *values), "PodMonitor")
    return operator["spec"], members["spec"]


def test_the_members_are_found_by_their_labels_and_their_port(helm: Path) -> None:
    _, members = monitors(helm)
    template = build_pod_template(target(), names.VOTER, config="c", auth_hash="a")
    wanted = members["selector"]["matchLabels"].items()
    assert wanted <= template["metadata"]["labels"].items()
    ports = [p["name"] for p in template["spec"]["containers"][0]["ports"]]
    assert members["podMetricsEndpoints"][0]["port"] in ports
    assert names.LABEL_ENSEMBLE in template["metadata"]["labels"]


def test_both_ways_to_scrape_give_series_the_same_labels(helm: Path) -> None:
    operator, members = monitors(helm)
    plain = {job["job_name"]: job for job in yaml.safe_load(SCRAPE.read_text())["scrape_configs"]}
    assert operator["podMetricsEndpoints"][0]["honorLabels"] is True
    assert plain["zookeeper-operator"]["honor_labels"] is True
    by_operator = {
        r["targetLabel"]: r["sourceLabels"]
        for r in members["podMetricsEndpoints"][0]["relabelings"]
    }
    by_file = {
        r["target_label"]: r["source_labels"]
        for r in plain["zookeeper"]["relabel_configs"]
        if "target_label" in r
    }
    assert by_operator.items() <= by_file.items()
    # The Prometheus operator adds these by itself.
    assert by_file.keys() - by_operator.keys() == {"namespace", "pod"}
    keep = plain["zookeeper"]["relabel_configs"][0]["regex"]
    assert keep == f"zookeeper;{names.METRICS_PORT}"


@pytest.mark.parametrize(
    ("watched", "selector"),
    [((), {"any": True}), (("watchNamespaces={one,two}",), {"matchNames": ["one", "two"]})],
)
def test_members_are_looked_for_where_the_operator_works(
    helm: Path, watched: tuple[str, ...], selector: dict[str, Any]
) -> None:
    _, members = monitors(helm, *watched)
    assert members["namespaceSelector"] == selector


def test_wrong_values_are_refused(helm: Path) -> None:
    for value in ("rules.runbookBase=here", "podMonitors.interval=often", "alerts.enabled=true"):
        with pytest.raises(subprocess.CalledProcessError) as failed:
            render(helm, *monitoring(value))
        assert "monitoring" in failed.value.stderr

"""A real Prometheus in the cluster, which does what the chart's objects for the Prometheus operator say.

The Prometheus operator itself is not there: its PodMonitors are turned into scrape configurations here, field
by field, and a field that is not known here fails. The objects are those of docs/monitoring/prometheus.yaml.
"""

import json
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from e2e.cluster import OPERATOR_NAMESPACE, Cluster, Object, run, wait_until
from e2e.ensembles import Ensemble
from monitoring.alerts import all_alerts

ROOT: Final = Path(__file__).parents[1]
CHART: Final = ROOT / "charts" / "zookeeper-operator"
NAMESPACE: Final = "monitoring"
SCRAPE_SECONDS: Final = 5
LASTING_SECONDS: Final = {alert.name: alert.lasting_seconds for alert in all_alerts()}
_LABEL_PREFIX: Final = "__meta_kubernetes_pod_label_"


def due(alert: str, *, noticed: float = 30) -> float:
    """How long an alert may take: its own time, two scrapes, and what the operator takes to notice."""
    return LASTING_SECONDS[alert] + 2 * SCRAPE_SECONDS + noticed


def chart_objects() -> list[Object]:
    """What the chart makes for monitoring."""
    values = ("podMonitors", "rules", "dashboards")
    text = run(
        *("helm", "template", "zookeeper-operator", str(CHART)),
        *("--namespace", OPERATOR_NAMESPACE, "--kube-version=1.37.0"),
        *(f"--set=monitoring.{value}.enabled=true" for value in values),
    ).stdout
    return [body for body in yaml.safe_load_all(text) if body]


def scrape_job(monitor: Object) -> Object:
    """The scrape configuration that the Prometheus operator makes of a PodMonitor."""
    spec = monitor["spec"]
    assert spec.keys() <= {"selector", "namespaceSelector", "podMetricsEndpoints"}
    (endpoint,) = spec["podMetricsEndpoints"]
    assert endpoint.keys() <= {"port", "path", "interval", "honorLabels", "relabelings"}
    anywhere = spec.get("namespaceSelector", {}).get("any", False)
    keep = [
        {
            "source_labels": [
                _LABEL_PREFIX + label.replace(".", "_").replace("/", "_").replace("-", "_")
            ],
            "regex": value,
            "action": "keep",
        }
        for label, value in spec["selector"]["matchLabels"].items()
    ]
    keep.append(
        {
            "source_labels": ["__meta_kubernetes_pod_container_port_name"],
            "regex": endpoint["port"],
            "action": "keep",
        }
    )
    targets = [
        {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
        {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
    ]
    own = [
        {"source_labels": r["sourceLabels"], "target_label": r["targetLabel"]}
        for r in endpoint.get("relabelings", [])
    ]
    discovery: Object = {"role": "pod"}
    if not anywhere:
        discovery["namespaces"] = {"names": [OPERATOR_NAMESPACE]}
    return {
        "job_name": f"{OPERATOR_NAMESPACE}/{monitor['metadata']['name']}",
        "honor_labels": endpoint.get("honorLabels", False),
        "metrics_path": endpoint["path"],
        "kubernetes_sd_configs": [discovery],
        "relabel_configs": [*keep, *targets, *own],
    }


def configuration(objects: list[Object]) -> tuple[str, str]:
    """The configuration and the rules of a Prometheus that does what the objects say, only more often."""
    jobs = [scrape_job(body) for body in objects if body["kind"] == "PodMonitor"]
    (rules,) = (body["spec"] for body in objects if body["kind"] == "PrometheusRule")
    often = f"{SCRAPE_SECONDS}s"
    content = {
        "global": {"scrape_interval": often, "evaluation_interval": often},
        "rule_files": ["/etc/prometheus/rules/*.yaml"],
        "scrape_configs": jobs,
    }
    return yaml.safe_dump(content), yaml.safe_dump(rules)


@dataclass(frozen=True)
class Prometheus:
    """The Prometheus of the tests."""

    cluster: Cluster

    def install(self) -> None:
        """Create it with what the chart makes, and wait until it answers."""
        run(str(ROOT / "e2e/kind/prometheus-image.sh"), timeout=1200)
        self.remove()
        scrape, rules = configuration(chart_objects())
        with (ROOT / "docs/monitoring/prometheus.yaml").open(encoding="utf-8") as file:
            self.cluster.apply(*(body for body in yaml.safe_load_all(file) if body))
        self.cluster.apply(
            _config_map("prometheus-configuration", {"prometheus.yaml": scrape}),
            _config_map("prometheus-rules", {"rules.yaml": rules}),
        )
        wait_until("Prometheus answers", lambda: bool(self.ask("vector(1)")), seconds=180)

    def remove(self) -> None:
        """Delete all of it."""
        self.cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", timeout=120)
        self.cluster.kubectl(
            *("delete", "clusterrole,clusterrolebinding", "prometheus-zookeeper"),
            "--ignore-not-found",
        )

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now."""
        query = urllib.parse.urlencode({"query": expression})
        service = f"/api/v1/namespaces/{NAMESPACE}/services/prometheus:9090/proxy"
        found = json.loads(self.cluster.raw(f"{service}/api/v1/query?{query}"))
        series: list[dict[str, Any]] = found["data"]["result"]
        return series

    def fired(self, namespace: str = "", *, within: str = "1h") -> set[str]:
        """The alerts that have fired within a time, of one namespace or of the operator."""
        labels = f'alertstate="firing",namespace=~"{namespace}|{OPERATOR_NAMESPACE}|"'
        series = self.ask(f"count by (alertname) (count_over_time(ALERTS{{{labels}}}[{within}]))")
        return {s["metric"]["alertname"] for s in series}

    def firing(self, alert: str, namespace: str = "") -> list[dict[str, str]]:
        """The labels of an alert that fires now, in one namespace if it is named."""
        where = f',namespace="{namespace}"' if namespace else ""
        series = self.ask(f'ALERTS{{alertname="{alert}",alertstate="firing"{where}}}')
        return [s["metric"] for s in series]

    def fired_at(self, alert: str, namespace: str) -> float:
        """When an alert of a namespace first fired, within the last hour: the time of the evaluation."""
        chosen = f'alertname="{alert}",namespace="{namespace}",alertstate="firing"'
        often = f"{SCRAPE_SECONDS}s"
        first = f"min(min_over_time(timestamp(ALERTS{{{chosen}}})[1h:{often}]))"
        # One that has begun to fire a moment ago is not yet at a step of the subquery.
        (found,) = wait_until(
            f"it is known when {alert} fired", lambda: self.ask(first), seconds=4 * SCRAPE_SECONDS
        )
        return float(found["value"][1])

    def wait_firing(self, alert: str, *, seconds: float) -> dict[str, str]:
        """Wait until an alert fires; its labels."""
        return wait_until(f"{alert} fires", lambda: self.firing(alert), seconds=seconds)[0]

    def wait_quiet(self, alert: str, namespace: str = "", *, seconds: float = 120) -> None:
        """Wait until an alert has ended, in one namespace if it is named."""
        wait_until(f"{alert} ends", lambda: not self.firing(alert, namespace), seconds=seconds)

    def wait_seen(self, ensemble: Ensemble) -> None:
        """Wait until it has seen an ensemble of three to serve."""
        here = f'namespace="{ensemble.namespace}"'
        wait_until(
            "Prometheus sees the ensemble",
            lambda: (
                self.ask(f"zookeeper_operator_ensemble_ready{{{here}}} == 1")
                and len(self.ask(f'up{{{here},ensemble="{ensemble.name}"}} == 1')) == 3
            ),
            seconds=60,
        )


def _config_map(name: str, data: dict[str, str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "data": data,
    }

"""What a person should know of metrics that are asked for and not served. It stops nothing."""

from collections.abc import Iterator

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.build.config import METRICS_CFG
from zookeeper_operator.ensemble.build.metrics import CLASS_KEY, PORT_KEY, port_user
from zookeeper_operator.ensemble.judge.problem import Problem
from zookeeper_operator.ensemble.observed import Observed, Pod


def missing_metrics(observed: Observed) -> Iterator[Problem]:
    """Why members serve no metrics although the spec asks for them."""
    spec = observed.ensemble.spec
    if not spec.metrics.enabled or spec.config.get(CLASS_KEY):
        return
    port = spec.config.get(PORT_KEY, spec.metrics.port)
    user = port_user(spec, int(port)) if str(port).isdecimal() else None
    if user is not None:
        yield _problem(
            f"the members serve no metrics: {user} uses port {port} already; set spec.metrics.port to "
            "another port, or spec.metrics.enabled: false"
        )
    elif any(_lacks_provider(observed, pod) for pod in observed.pods):
        yield _problem(
            "members serve no metrics: their image has no zookeeper-prometheus-metrics-*.jar beside "
            "ZooKeeper's own; use an image that has it, or set spec.metrics.enabled: false"
        )


def _lacks_provider(observed: Observed, pod: Pod) -> bool:
    """Whether a member was started with the provider, where its image has it, and runs without."""
    answer = observed.answers.get(pod.id)
    if answer is None or answer.exports_metrics is not False:
        return False
    config = observed.child("ConfigMap", pod.config)
    return config is not None and METRICS_CFG in (config.get("data") or {})


def _problem(message: str) -> Problem:
    return Problem(reasons.METRICS_UNAVAILABLE, message)

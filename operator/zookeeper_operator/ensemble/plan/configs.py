"""Which configurations stay: a pod of an old revision must find the one it was made with.

A configuration is immutable and named in the pod template. One that no template and no pod names any more
is removed, but for the newest two: a pod that is created between two reconciles must never wait for a
ConfigMap that is gone. It does not matter who controls a pod: those of a StatefulSet that was deleted run
until the garbage collector ends them, and their containers may restart until then.
"""

from collections.abc import Iterable
from typing import Final

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.ensemble.pods import config_of
from zookeeper_operator.kube.api import Object

_NEWEST: Final = 2


def kept_configs(situation: Situation, wanted: Iterable[Object]) -> frozenset[str]:
    """Names of the configurations that must not be removed now; `wanted` are the children to be."""
    bodies = (*situation.observed.children, *wanted)
    templates = (b["spec"]["template"] for b in bodies if b["kind"] == "StatefulSet")
    named = {config_of(template["spec"]) for template in templates}
    running = situation.observed.unclaimed_configs | {p.config for p in situation.observed.pods}
    live = [child for child in situation.observed.children if is_config(situation, child)]
    newest = sorted(live, key=lambda c: c["metadata"].get("creationTimestamp", ""))[-_NEWEST:]
    return frozenset(named | running | {child["metadata"]["name"] for child in newest})


def is_config(situation: Situation, child: Object) -> bool:
    """Whether a child is a configuration, of whatever revision."""
    return child["kind"] == "ConfigMap" and names.is_config_name(
        situation.ensemble.name, child["metadata"]["name"]
    )

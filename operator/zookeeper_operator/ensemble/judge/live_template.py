"""What the live StatefulSets of an ensemble were made of, as far as a rule must know.

A rule of a newer operator may stop a change, never an ensemble that runs: a value that the live pod
template, or the configuration it names, has already is reported and otherwise taken as it is. So is a spec
of which the status says that it was valid in this very generation: a StatefulSet that was deleted must
come back. That does not count for privileges, which must not be gained by writing a status.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from zookeeper_operator.api.conditions import SPEC_VALID, TRUE, find_written
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.config import ZOO_CFG, zoo_cfg_line
from zookeeper_operator.ensemble.build.objection import holds
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.pods import config_of
from zookeeper_operator.kube.api import Object


def has_part(
    observed: Observed, part: Mapping[str, Any] | None, *, privileged: bool = False
) -> bool:
    """Whether a live pod template has this part of `spec.podTemplate`."""
    if part is None:
        return False
    accepted = not privileged and _was_accepted(observed)
    return accepted or any(holds(template, part) for template in _templates(observed))


def has_config(observed: Observed, key: str, value: str | int) -> bool:
    """Whether the configuration that a live pod template names has this key with this value."""
    line = zoo_cfg_line(key, value)
    return _was_accepted(observed) or any(
        line in text.splitlines() for text in _configurations(observed)
    )


def is_secured(observed: Observed) -> bool:
    """Whether a live pod template is in a phase of TLS or of authentication."""
    return any(
        names.ANNOTATION_SECURITY in ((template.get("metadata") or {}).get("annotations") or {})
        for template in _templates(observed)
    )


def has_option(observed: Observed, option: str) -> bool:
    """Whether the members' JVM is started with this option."""
    return _was_accepted(observed) or any(
        option in variables.get("SERVER_JVMFLAGS", "").split() for variables in _variables(observed)
    )


def has_memory(observed: Observed, limit: object, heap: int) -> bool:
    """Whether the members run with this memory limit and this heap."""
    part = {"resources": {"limits": {"memory": limit}}} if limit is not None else {}
    return _was_accepted(observed) or any(
        holds(container, part) and _environment(container).get("ZK_SERVER_HEAP") == str(heap)
        for container in _containers(observed)
    )


def has_image(observed: Observed, image: str) -> bool:
    """Whether the members run this image."""
    return _was_accepted(observed) or any(
        container.get("image") == image for container in _containers(observed)
    )


def _was_accepted(observed: Observed) -> bool:
    """Whether this generation of the spec was valid before, by the status that stands."""
    ensemble = observed.ensemble
    before = find_written(ensemble.status, SPEC_VALID)
    return before.get("status") == TRUE and before.get("observedGeneration") == ensemble.generation


def _templates(observed: Observed) -> Iterator[Object]:
    for component in (names.VOTER, names.OBSERVER):
        found = observed.statefulset(component)
        if found is not None:
            yield found["spec"]["template"]


def _configurations(observed: Observed) -> Iterator[str]:
    for template in _templates(observed):
        found = observed.child("ConfigMap", config_of(template["spec"]))
        if found is not None:
            yield (found.get("data") or {}).get(ZOO_CFG, "")


def _containers(observed: Observed) -> Iterator[Mapping[str, Any]]:
    for template in _templates(observed):
        for container in template["spec"].get("containers") or []:
            if container.get("name") == names.CONTAINER:
                yield container


def _variables(observed: Observed) -> Iterator[Mapping[str, str]]:
    return map(_environment, _containers(observed))


def _environment(container: Mapping[str, Any]) -> Mapping[str, str]:
    return {v["name"]: v.get("value") or "" for v in container.get("env") or []}

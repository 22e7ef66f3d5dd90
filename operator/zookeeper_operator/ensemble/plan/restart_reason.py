"""Why a pod must be restarted, in the words of the spec: which of its fields have changed since."""

import json
from collections.abc import Iterator, Mapping

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.ensemble.plan.revision import statefulset_of, update_revision
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.ensemble.pods import config_of, template_marks
from zookeeper_operator.ensemble.security.phase import QUORUM_PHASES, Phase, read_phase
from zookeeper_operator.kube.api import Object


def restart_reason(situation: Situation, pod: Pod) -> str:
    """A sentence about what the template of a pod's StatefulSet has that the pod has not."""
    statefulset = statefulset_of(situation, pod.component)
    if statefulset is None:
        return "its StatefulSet is gone"
    if pod.revision == update_revision(situation, pod.component):
        return "the file system of its volume must grow"
    return ", and ".join(_differences(statefulset, pod)) or "its pod template changed"


def _differences(statefulset: Object, pod: Pod) -> Iterator[str]:
    template = statefulset["spec"]["template"]
    then, now = pod.template, template_marks(template.get("metadata") or {})
    changed = changed_fields(then, now)
    annotations = statefulset["metadata"].get("annotations") or {}
    generation = annotations.get(names.ANNOTATION_GENERATION)
    if changed:
        made = f" in generation {generation}" if generation else ""
        yield f"{_listed(changed)} changed{made}"
    password = now.get(names.ANNOTATION_AUTH)
    if then.get(names.ANNOTATION_AUTH, password) != password:
        yield "the password of the super user changed"
    before, after = read_phase(then), read_phase(now)
    if before != after and before is not None and after is not None:
        yield ", and ".join(_phase_changes(before, after))
    users = now.get(names.ANNOTATION_USERS)
    if users and then.get(names.ANNOTATION_USERS, users) != users:
        yield "the users or a password changed"
    for mark in (names.ANNOTATION_RESTARTED_AT, names.ANNOTATION_ROLLOUT_RESTART):
        if now.get(mark) and then.get(mark) != now[mark]:
            yield f"a restart was requested at {now[mark]}"
    # The size of a small volume is in zoo.cfg, and no field that a template is made of.
    if not changed and before == after and pod.config and pod.config != config_of(template["spec"]):
        yield "its zoo.cfg changed"


def _phase_changes(before: Phase, after: Phase) -> Iterator[str]:
    if before.quorum != after.quorum:
        yield f"TLS of the quorum goes from phase {before.quorum} to {after.quorum} of {QUORUM_PHASES}"
    elif before.clients != after.clients:
        yield f"TLS for clients is turned {'on' if after.clients else 'off'}"
    if after.requires_authentication != before.requires_authentication:
        yield f"authentication is {'now' if after.requires_authentication else 'no longer'} required"
    elif before.auth != after.auth:
        yield f"clients {'can' if after.auth else 'can no longer'} log in as users"


def changed_fields(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """The fields of the spec in which two pod templates differ; the whole spec if that was not recorded."""
    before, after = _recorded_fields(then), _recorded_fields(now)
    if after is None:
        return ()
    if before is None:
        return ("the spec",)
    differing = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    return tuple(f"spec.{key}" for key in sorted(differing))


def _recorded_fields(marks: Mapping[str, str]) -> Mapping[str, object] | None:
    """The hash of each field of the spec that a template was made of; None if no record can be read."""
    try:
        recorded = json.loads(marks.get(names.ANNOTATION_FIELDS, ""))
    except json.JSONDecodeError:
        return None
    return recorded if isinstance(recorded, dict) else None


def _listed(fields: tuple[str, ...]) -> str:
    return fields[0] if len(fields) == 1 else f"{', '.join(fields[:-1])} and {fields[-1]}"

"""Templates that another version of the operator built, and that stay as they are.

An operator upgrade, or a downgrade, alone restarts no pod: what a version would build differently waits for
the next change that the user makes (docs/adr/0002).
"""

from collections.abc import Mapping

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build import BUILDER_REVISION
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.ensemble.pods import config_of, template_marks
from zookeeper_operator.ensemble.target import later_inputs, template_inputs
from zookeeper_operator.kube.api import Object


def is_pinned(situation: Situation, live: Object) -> bool:
    """Whether another operator version built the template of a live StatefulSet from the same target.

    A template whose configuration is gone cannot start a pod; it is built again.
    """
    template = live["spec"]["template"]
    annotations = _annotations(live)
    return (
        annotations.get(names.ANNOTATION_BUILDER) != str(BUILDER_REVISION)
        and annotations.get(names.ANNOTATION_INPUTS) == template_inputs(situation.target)
        and _annotations(template).get(names.ANNOTATION_TARGET, "")
        == later_inputs(situation.target)
        and situation.observed.child("ConfigMap", config_of(template["spec"])) is not None
    )


def with_record(body: Object, situation: Situation, live: Object | None) -> Object:
    """A StatefulSet with what a later version recognises it by, and the generation its template is from."""
    return _annotated(
        body,
        {
            names.ANNOTATION_INPUTS: template_inputs(situation.target),
            names.ANNOTATION_BUILDER: str(BUILDER_REVISION),
            names.ANNOTATION_GENERATION: _generation(body, situation, live),
        },
    )


def _generation(body: Object, situation: Situation, live: Object | None) -> str:
    """The generation of the spec that the fields of the template were last changed in.

    The annotation of the live StatefulSet is the only record of it. What cannot be one is replaced.
    """
    now = situation.ensemble.generation
    if live is None:
        return str(now)
    marks = [template_marks(s["spec"]["template"].get("metadata") or {}) for s in (body, live)]
    fields, known = (m.get(names.ANNOTATION_FIELDS) for m in marks)
    recorded = _annotations(live).get(names.ANNOTATION_GENERATION, "")
    possible = recorded.isdecimal() and 0 < int(recorded) <= now
    return recorded if possible and fields == known else str(now)


def with_pinned_template(body: Object, live: Object) -> Object:
    """A StatefulSet with the template, and the record of it, that the live one has.

    Members that know another password must still be restarted to learn it.
    """
    found = live["spec"]["template"]
    known = body["spec"]["template"]["metadata"]["annotations"][names.ANNOTATION_AUTH]
    template = _annotated(found, {names.ANNOTATION_AUTH: known})
    record = {
        key: value
        for key, value in _annotations(live).items()
        if key in {names.ANNOTATION_INPUTS, names.ANNOTATION_BUILDER, names.ANNOTATION_GENERATION}
    }
    return _annotated({**body, "spec": {**body["spec"], "template": template}}, record)


def _annotations(body: Object) -> Mapping[str, str]:
    return (body.get("metadata") or {}).get("annotations") or {}


def _annotated(body: Object, annotations: Mapping[str, str]) -> Object:
    metadata = body["metadata"]
    merged = {**(metadata.get("annotations") or {}), **annotations}
    return {**body, "metadata": {**metadata, "annotations": merged}}

"""Problems of a spec that the CRD cannot refuse, each with what to do about it.

The API server has already checked types, ranges and everything CEL can express. The rest is checked here:
what depends on the running version or on other objects, arithmetic over several fields, and objects that
were stored under an older schema.
"""

from dataclasses import dataclass

from zookeeper_operator.api import reasons
from zookeeper_operator.api.schema.owned_keys import refusal_of, refusal_of_value
from zookeeper_operator.api.versions import KNOWN_VERSIONS, has_upgrade_path
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.pod import heap_mebibytes
from zookeeper_operator.ensemble.build.pod_template import pod_template_problems
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.kube.api import Object

# With less, a JVM with an idle ZooKeeper is killed or spends its time on garbage collection: about 100 MiB
# resident were measured, of which the heap is a third.
_LEAST_HEAP_MEBIBYTES = 64


@dataclass(frozen=True)
class Problem:
    """One thing in the spec that cannot be acted on."""

    reason: str
    message: str


def validate(observed: Observed) -> tuple[Problem, ...]:
    """List everything that makes the spec unusable; empty if it can be acted on."""
    ensemble = observed.ensemble
    return (
        *_config_problems(ensemble),
        *_version_problems(ensemble),
        *_memory_problems(ensemble),
        *(Problem(reasons.INVALID_POD_TEMPLATE, text) for text in pod_template_problems(ensemble)),
        *_name_problems(observed),
    )


def _config_problems(ensemble: Ensemble) -> list[Problem]:
    found = []
    for key, value in sorted(ensemble.spec.config.items()):
        why = refusal_of(key)
        if why is not None:
            found.append(
                Problem(
                    reasons.INVALID_CONFIG_KEY,
                    f"spec.config.{key} is owned by the operator: {why}; remove it",
                )
            )
        elif (bad := refusal_of_value(key, value)) is not None:
            found.append(Problem(reasons.INVALID_CONFIG_KEY, f"spec.config.{key}: {bad}"))
    return found


def _version_problems(ensemble: Ensemble) -> list[Problem]:
    spec = ensemble.spec
    if spec.version not in KNOWN_VERSIONS and not (spec.image.tag or spec.image.digest):
        known = ", ".join(sorted(KNOWN_VERSIONS))
        return [
            Problem(
                reasons.UNSUPPORTED_VERSION,
                f"spec.version {spec.version} is not known (known: {known}); choose one of these, or "
                "name the image to run by spec.image.tag or spec.image.digest",
            )
        ]
    running = (ensemble.status.get("version") or {}).get("members") or {}
    for current in sorted(running):
        if not has_upgrade_path(current, spec.version):
            return [
                Problem(
                    reasons.UNSUPPORTED_VERSION,
                    f"members run {current}, and there is no supported way from there to "
                    f"{spec.version}; go by way of 3.8, one minor version at a time",
                )
            ]
    return []


def _memory_problems(ensemble: Ensemble) -> list[Problem]:
    heap = heap_mebibytes(ensemble.spec)
    if heap >= _LEAST_HEAP_MEBIBYTES:
        return []
    limit = ensemble.spec.resources.limits.get("memory")
    return [
        Problem(
            reasons.MEMORY_TOO_SMALL,
            f"spec.resources.limits.memory {limit} leaves a heap of {heap} MiB "
            f"({ensemble.spec.jvm.heap_percent} %), less than the {_LEAST_HEAP_MEBIBYTES} MiB a "
            "member needs to start; raise it to 256Mi or more",
        )
    ]


def _name_problems(observed: Observed) -> list[Problem]:
    return [_name_problem(other, observed.ensemble) for other in observed.foreign]


def _name_problem(other: Object, ensemble: Ensemble) -> Problem:
    named = f"{other['kind']} {other['metadata']['name']}"
    owners = other["metadata"].get("ownerReferences") or []
    if any(o["kind"] == names.KIND and o["name"] == ensemble.name for o in owners):
        return Problem(
            reasons.DELETING,
            f"{named} of the deleted ensemble of this name is still there; waiting for it to go",
        )
    return Problem(
        reasons.NAME_TAKEN,
        f"{named} exists and does not belong to this ensemble; remove it, or choose another name for "
        "the ensemble",
    )

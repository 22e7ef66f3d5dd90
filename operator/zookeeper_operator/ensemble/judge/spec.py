"""Problems of a spec that the CRD cannot refuse, each with what to do about it.

The API server has already checked types, ranges and everything CEL can express. The rest is checked here:
what depends on the running version or on other objects, arithmetic over several fields, and objects that
were stored under an older schema.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from zookeeper_operator.api import reasons
from zookeeper_operator.api.ensemble import MAX_OBSERVERS, MAX_REPLICAS
from zookeeper_operator.api.versions import (
    KNOWN_LINES,
    KNOWN_VERSIONS,
    has_upgrade_path,
    is_of_known_line,
)
from zookeeper_operator.certificates.authority import names_host
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.pod import image_reference
from zookeeper_operator.ensemble.build.pod_template import pod_template_problems
from zookeeper_operator.ensemble.certificate_names import peer_hosts
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.judge.config import config_problems, unknown_keys
from zookeeper_operator.ensemble.judge.live_template import has_image, has_part
from zookeeper_operator.ensemble.judge.memory import heap_warnings, memory_problems
from zookeeper_operator.ensemble.judge.metrics import missing_metrics
from zookeeper_operator.ensemble.judge.problem import Problem
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.security.certificates import judge_certificates
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.quantity import is_quantity

__all__ = ["Problem", "SpecJudgement", "judge_spec"]

_QUOTED: Final = 40


@dataclass(frozen=True)
class SpecJudgement:
    """What is wrong with a spec.

    `problems` make it unusable: nothing is done until they are gone. `warnings` stop nothing.
    """

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def judge_spec(observed: Observed) -> SpecJudgement:
    """Find everything that makes a spec unusable, and everything a person should know of it.

    What an ensemble runs with already is a warning, even if a new ensemble would be refused for it.
    """
    found = (
        *_count_problems(observed.ensemble),
        *_quantity_problems(observed.ensemble),
        *config_problems(observed),
        *_version_problems(observed),
        *memory_problems(observed),
        *_template_problems(observed),
        *_name_problems(observed),
        *_peer_name_problems(observed),
    )
    carried = (
        replace(problem, message=f"{problem.message} (the members run with it, so it stays)")
        for problem in found
        if problem.carried
    )
    return SpecJudgement(
        problems=tuple(problem for problem in found if not problem.carried),
        # The first gives the condition its reason, by which the first of these is known again.
        warnings=(
            *heap_warnings(observed),
            *carried,
            *unknown_keys(observed),
            *_unknown_version(observed.ensemble),
            *missing_metrics(observed),
        ),
    )


def _count_problems(ensemble: Ensemble) -> list[Problem]:
    counts = {
        "replicas": (ensemble.spec.replicas, 1, MAX_REPLICAS),
        "observers.replicas": (ensemble.spec.observers.replicas, 0, MAX_OBSERVERS),
    }
    return [
        Problem(
            reasons.INVALID_SPEC, f"spec.{field} {count} is out of range; set it to {low} to {high}"
        )
        for field, (count, low, high) in counts.items()
        if not low <= count <= high
    ]


def _quantity_problems(ensemble: Ensemble) -> list[Problem]:
    spec = ensemble.spec
    quantities: dict[str, str | int] = {
        **{f"resources.requests.{key}": value for key, value in spec.resources.requests.items()},
        **{f"resources.limits.{key}": value for key, value in spec.resources.limits.items()},
        **{
            f"storage.{field}.size": volume.size
            for field, volume in (("data", spec.storage.data), ("log", spec.storage.log))
            if volume is not None
        },
    }
    return [
        Problem(
            reasons.INVALID_SPEC,
            f"spec.{field} {str(value)[:_QUOTED]!r} is not a quantity; write for example 100m or 5Gi",
        )
        for field, value in sorted(quantities.items())
        if not is_quantity(value)
    ]


def _version_problems(observed: Observed) -> Iterator[Problem]:
    ensemble = observed.ensemble
    spec = ensemble.spec
    if _needs_image(ensemble):
        message = (
            f"spec.version {spec.version} belongs to no known release line ({', '.join(KNOWN_LINES)}); "
            "choose a release of one of these, or name the image to run by spec.image.tag or "
            "spec.image.digest"
        )
        carried = has_image(observed, image_reference(spec))
        yield Problem(reasons.UNSUPPORTED_VERSION, message, carried)
        return
    running = (ensemble.status.get("version") or {}).get("members") or {}
    for current in sorted(running):
        if not has_upgrade_path(current, spec.version):
            yield Problem(
                reasons.UNSUPPORTED_VERSION,
                f"the members run {current}, and no supported upgrade leads from there to "
                f"{spec.version}; upgrade by way of 3.8, one minor version at a time",
            )
            return


def _needs_image(ensemble: Ensemble) -> bool:
    spec = ensemble.spec
    return not (is_of_known_line(spec.version) or spec.image.tag or spec.image.digest)


def _unknown_version(ensemble: Ensemble) -> tuple[Problem, ...]:
    version = ensemble.spec.version
    if version in KNOWN_VERSIONS or _needs_image(ensemble):
        return ()
    return (
        Problem(
            reasons.UNKNOWN_VERSION,
            f"spec.version {version} is not among the versions this operator was tested with "
            f"({', '.join(sorted(KNOWN_VERSIONS))}); its release line is, or an image is named, so it runs",
        ),
    )


def _template_problems(observed: Observed) -> Iterator[Problem]:
    for objection in pod_template_problems(observed.ensemble):
        carried = has_part(observed, objection.part, privileged=objection.privileged)
        yield Problem(reasons.INVALID_POD_TEMPLATE, objection.message, carried)


def _name_problems(observed: Observed) -> list[Problem]:
    return [_name_problem(other, observed.ensemble) for other in observed.foreign]


def _peer_name_problems(observed: Observed) -> Iterator[Problem]:
    """Names that members would check, that their certificate lacks, and that no source can give it now.

    A member that is restarted, or added, with such a check would not be reached by the others.
    """
    tls = observed.ensemble.spec.tls
    if tls is None or tls.quorum != "Enabled" or not tls.verify_peer_names:
        return
    certificates = judge_certificates(observed)
    if certificates.problem is None or certificates.leaf is None:
        return
    leaf = certificates.leaf
    missing = [host for host in peer_hosts(observed.ensemble) if not names_host(leaf, host)]
    if missing:
        yield Problem(
            certificates.problem.reason,
            f"spec.tls.verifyPeerNames is set, and the certificate of the members does not name "
            f"{missing[0]}; renew it with the name of every member ({certificates.problem.message})",
        )


def _name_problem(other: Object, ensemble: Ensemble) -> Problem:
    named = f"{other['kind']} {other['metadata']['name']}"
    owners = other["metadata"].get("ownerReferences") or []
    if any(o["kind"] == names.KIND and o["name"] == ensemble.name for o in owners):
        return Problem(
            reasons.PREVIOUS_ENSEMBLE,
            f"{named} of a deleted ensemble of this name still exists; waiting until it is gone",
        )
    return Problem(
        reasons.NAME_TAKEN,
        f"{named} exists and does not belong to this ensemble; remove it, or choose another name for "
        "the ensemble",
    )

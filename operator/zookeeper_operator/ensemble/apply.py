"""Carrying a plan out: one effect per action, in order, stopping at the first that fails.

What is optional is tried; its refusal is reported, stops nothing and delays nothing.

Decides nothing. Every destructive call carries the UID of what was seen, every reconfiguration the
configuration it was decided on; before each of them the right to act is asked for again, so that a
process that has lost its lease does nothing more, in the middle of a plan too.

What the end of a pod was decided on is read again right before it, since an observation may be seconds old:
the members that must serve, in one round, and the claims that must stay. What remains is the time
between a member's answer and the effect of the request: some milliseconds, and a second at most, because
a slower round counts for nothing. A member that is lost in that time is lost beside the one whose pod ends.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from zookeeper_operator.ensemble.actions import (
    Action,
    Apply,
    Basis,
    Delete,
    Reconfigure,
    RecordAdoption,
    ReplaceMember,
    RestartMember,
    ScaleSource,
    WriteFence,
    describe_reconfiguration,
)
from zookeeper_operator.ensemble.adoption.fence import Written
from zookeeper_operator.ensemble.adoption.source import read_source_answers
from zookeeper_operator.ensemble.build.stamp import stamp_of
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.judge.basis import find_change
from zookeeper_operator.ensemble.observe import addresses_of
from zookeeper_operator.ensemble.observed import Applied, Observed
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.ensemble.plan.children import super_password
from zookeeper_operator.ensemble.security.readiness import secure_access
from zookeeper_operator.ensemble.security.users import session_login
from zookeeper_operator.kube.api import RESOURCES, Kube, KubeError, NamespaceEndingError, Object
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import (
    Access,
    ConfigurationChangedError,
    EnsembleUnreachableError,
    ReconfigureRefusedError,
    SourceAnswer,
    ZooKeeper,
)
from zookeeper_operator.zookeeper.servers import parse_config

_LOG = logging.getLogger(__name__)
# A round of questions that takes longer is about an ensemble that may have changed meanwhile.
_ROUND_SECONDS: Final = 1.0


class NotLeadingError(Exception):
    """This process may not act any more: another one may have taken over."""


@dataclass
class Outcome:
    """The result of a plan. `failure` is a sentence for the status; `refused` what ZooKeeper refused.

    `optional` are sentences about refused children that the ensemble does without; `generations` are those
    that StatefulSets have got by being applied, `applied` what applies have led to by the uid of the object.
    `written` is what became of a fence, `record` what the status must say of an adoption from now
    on.
    """

    done: list[Action] = field(default_factory=list)
    failure: str = ""
    error: Exception | None = None
    refused: tuple[Reconfigure, ReconfigureRefusedError] | None = None
    optional: list[str] = field(default_factory=list)
    generations: dict[str, int] = field(default_factory=dict)
    applied: dict[str, Applied] = field(default_factory=dict)
    written: Written | None = None
    record: RecordAdoption | None = None


class Applier:
    """Carries plans out against the two outside worlds."""

    def __init__(self, kube: Kube, zookeeper: ZooKeeper, may_act: Callable[[], bool]) -> None:
        self._kube = kube
        self._zookeeper = zookeeper
        self._may_act = may_act

    async def apply(self, plan: Plan) -> Outcome:
        """Carry out the actions of a plan in order; stop at the first that fails.

        Raises:
            NotLeadingError: the lease was lost; another process carries out the rest.
            NamespaceEndingError: the namespace is being deleted, and the ensemble with it.
        """
        outcome = Outcome()
        observed = plan.situation.observed
        for action in plan.actions:
            if not self._may_act():
                raise NotLeadingError
            try:
                acted = await self._carry_out(action, observed, outcome)
            except ReconfigureRefusedError as error:
                assert isinstance(action, Reconfigure)
                outcome.refused = (action, error)
                outcome.failure = f"the ensemble refused a reconfiguration: {error}"
            except NamespaceEndingError:
                raise
            except (KubeError, EnsembleUnreachableError) as error:
                failure = f"{_named(action)} failed: {error}"
                if isinstance(action, Apply) and action.optional and _is_refusal(error):
                    outcome.optional.append(failure)
                    _LOG.warning(failure, extra={"ensemble": _key(observed.ensemble)})
                    continue
                outcome.error, outcome.failure = error, failure
            else:
                if acted:
                    outcome.done.append(action)
                    _log(action, observed.ensemble)
                continue
            _LOG.warning(outcome.failure, extra={"ensemble": _key(observed.ensemble)})
            break
        return outcome

    async def _carry_out(self, action: Action, observed: Observed, outcome: Outcome) -> bool:
        """Carry one action out; False if there was nothing to do."""
        namespace = observed.ensemble.namespace
        match action:
            case Apply():
                if await self._has_changed(action.basis, observed, action):
                    return False
                await self._apply_child(action, outcome)
            case Delete():
                await self._kube.delete(
                    RESOURCES[action.kind],
                    namespace,
                    action.name,
                    uid=action.uid,
                    orphan=action.orphan,
                )
            case RestartMember():
                if (
                    outcome.generations.get(action.statefulset, action.generation)
                    != action.generation
                ):
                    return False
                if await self._has_changed(action.basis, observed, action):
                    return False
                await self._kube.delete(RESOURCES["Pod"], namespace, action.pod, uid=action.uid)
            case ReplaceMember():
                return await self._replace(action, observed)
            case Reconfigure():
                await self._reconfigure(action, observed)
            case ScaleSource():
                if why := await self._find_change(action.basis, observed, action.ending):
                    outcome.failure = f"the source is not stopped: {why}"
                    return False
                await self._kube.patch(RESOURCES["StatefulSet"], scaled_source(action))
            case WriteFence():
                outcome.written = await self._write_fence(action, observed)
            case RecordAdoption():
                outcome.record = action
        return True

    async def _has_changed(
        self,
        basis: Basis | None,
        observed: Observed,
        action: Apply | RestartMember | ReplaceMember,
    ) -> bool:
        """Whether an action was decided on facts that no longer hold; the next reconcile decides again."""
        why = await self._find_change(basis, observed, _ended_by(action))
        if why is None:
            return False
        text = f"Not carried out: {_named(action)}: {why}"
        _LOG.info(text, extra={"ensemble": _key(observed.ensemble)})
        return True

    async def _find_change(
        self, basis: Basis | None, observed: Observed, ending: frozenset[int]
    ) -> str | None:
        """Which of the facts that an action was decided on no longer hold; None if all do."""
        if basis is None:
            return None
        return await self._find_lost_claim(basis, observed) or await self._find_lost_member(
            basis, observed, ending
        )

    async def _find_lost_claim(self, basis: Basis, observed: Observed) -> str | None:
        resource, namespace = RESOURCES["PersistentVolumeClaim"], observed.ensemble.namespace
        found = await asyncio.gather(
            *(self._kube.get_metadata(resource, namespace, name) for name, _ in basis.claims)
        )
        for (name, uid), body in zip(basis.claims, found, strict=True):
            metadata = {} if body is None else body["metadata"]
            if metadata.get("uid") != uid or metadata.get("deletionTimestamp"):
                return f"{name} is being deleted"
        return None

    async def _find_lost_member(
        self, basis: Basis, observed: Observed, ending: frozenset[int]
    ) -> str | None:
        addresses = addresses_of(observed.ensemble.namespace, observed.pods)
        # A silent member takes its time, so it is not asked in the round whose age counts.
        silent = [a for a in addresses if a.id == basis.silent]
        answers = dict(await self._zookeeper.probe(silent, thorough=False)) if silent else {}
        loop = asyncio.get_running_loop()
        started = loop.time()
        asked = [a for a in addresses if a.id in basis.asked]
        # One round for all: nothing is asked where nothing depends on it.
        ours, theirs = await asyncio.gather(
            self._zookeeper.probe(asked, thorough=bool(basis.still)) if asked else _nothing(),
            self._ask_source(basis, observed),
        )
        answers |= ours
        answers |= read_source_answers(theirs, ours)
        if loop.time() - started > _ROUND_SECONDS:
            return "the members answer too slowly"
        return find_change(basis, answers, ending=ending)

    async def _ask_source(self, basis: Basis, observed: Observed) -> Mapping[int, SourceAnswer]:
        """What those members of a source say that an action depends on."""
        source = observed.source
        known = {} if source is None else source.endpoints
        asked = {i: endpoint for i, endpoint in known.items() if i in basis.asked}
        if not asked:
            return {}
        said = await self._zookeeper.ask_source(tuple(dict.fromkeys(asked.values())))
        return {i: said[endpoint] for i, endpoint in asked.items()}

    async def _write_fence(self, action: WriteFence, observed: Observed) -> Written:
        """Write a fence, unless the source has a configuration by now that ours would take for newer.

        A session with the source itself: our members show the list that they have started from.
        """
        source = observed.source
        known = {} if source is None else source.endpoints
        endpoints = [e for i, e in sorted(known.items()) if i in action.asked]
        try:
            shown = parse_config(await self._zookeeper.read_source(endpoints))
        except ValueError as error:
            raise EnsembleUnreachableError(
                f"the configuration of the source cannot be read: {error}"
            ) from error
        if shown.version:
            return Written(version=shown.version)
        if shown.voters != action.based_on.voters:
            raise ConfigurationChangedError("the source names other voters than were published")
        access = self._access(observed, action.through)
        return Written(await self._zookeeper.write_fence(access))

    async def _replace(self, action: ReplaceMember, observed: Observed) -> bool:
        """Remove the claims, then the pod; the claims are held until the pod is gone.

        Pods and claims were listed one after the other. If the pod is still the one that was seen, so are its
        volumes.
        """
        namespace = observed.ensemble.namespace
        pod, pod_uid = action.pod
        live = await self._kube.get(RESOURCES["Pod"], namespace, pod)
        if live is None or live["metadata"]["uid"] != pod_uid:
            return False
        if await self._has_changed(action.basis, observed, action):
            return False
        for name, uid in action.claims:
            await self._kube.delete(RESOURCES["PersistentVolumeClaim"], namespace, name, uid=uid)
        await self._kube.delete(RESOURCES["Pod"], namespace, pod, uid=pod_uid)
        return True

    async def _apply_child(self, action: Apply, outcome: Outcome) -> None:
        body = action.body
        write = self._kube.create if action.only_new else self._kube.apply
        result = await write(RESOURCES[body["kind"]], body)
        metadata = result["metadata"]
        outcome.applied[metadata["uid"]] = Applied(metadata["resourceVersion"], stamp_of(body))
        if body["kind"] == "StatefulSet":
            outcome.generations[metadata["name"]] = metadata.get("generation", 0)

    async def _reconfigure(self, action: Reconfigure, observed: Observed) -> None:
        serving = frozenset(i for i, answer in observed.answers.items() if answer.serving)
        await self._zookeeper.reconfigure(
            self._access(observed, serving),
            joining=action.joining,
            leaving=action.leaving,
            based_on=action.based_on,
        )

    @staticmethod
    def _access(observed: Observed, members: frozenset[int]) -> Access:
        """A session as the super user with one of these members."""
        addresses = addresses_of(observed.ensemble.namespace, observed.pods)
        return Access(
            tuple(address for address in addresses if address.id in members),
            super_password(observed),
            secure_access(observed),
            session_login(observed),
        )


async def _nothing() -> Mapping[int, Answers]:
    """The answers of members of which none is asked."""
    return {}


def scaled_source(action: ScaleSource) -> Object:
    """The one field of a source that is ever written, for the very object that was observed."""
    return {
        "apiVersion": RESOURCES["StatefulSet"].api_version,
        "kind": "StatefulSet",
        "metadata": {
            "name": action.name,
            "namespace": action.namespace,
            "uid": action.uid,
            "resourceVersion": action.version,
        },
        "spec": {"replicas": action.replicas},
    }


def _ended_by(action: Apply | RestartMember | ReplaceMember) -> frozenset[int]:
    """The member whose pod an action ends; one that ends several relies on none of them."""
    return frozenset() if isinstance(action, Apply) else frozenset({action.member_id})


def _is_refusal(error: Exception) -> bool:
    """Whether the API server has read the request and refuses it."""
    return isinstance(error, KubeError) and error.status in {
        HTTPStatus.FORBIDDEN,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }


def _key(ensemble: Ensemble) -> str:
    return f"{ensemble.namespace}/{ensemble.name}"


def _named(action: Action) -> str:
    match action:
        case Apply():
            return f"applying {action.body['kind']} {action.body['metadata']['name']}"
        case Delete():
            return f"deleting {action.kind} {action.name}"
        case RestartMember():
            return f"restarting {action.pod}"
        case ReplaceMember():
            return f"replacing member {action.member_id}"
        case ScaleSource():
            return f"scaling the source {action.namespace}/{action.name} to {action.replicas}"
        case WriteFence():
            return "writing a fence"
        case RecordAdoption():
            return "recording the cut" if action.cut_over else "recording a fence"
        case Reconfigure():
            return f"the reconfiguration ({describe_reconfiguration(action)})"


def _detail_of(action: Action) -> str:
    """What only the log says: the server lines as they were sent, and the revisions of a pod."""
    if isinstance(action, RestartMember):
        return f" ({action.revisions})"
    if isinstance(action, Reconfigure):
        lines = (*(s.line() for s in action.joining), *(f"-{i}" for i in action.leaving))
        return f" ({', '.join(lines)})"
    return ""


def _log(action: Action, ensemble: Ensemble) -> None:
    text = f"Carried out: {_named(action)}: {action.why}{_detail_of(action)}"
    _LOG.info(text, extra={"ensemble": _key(ensemble)})

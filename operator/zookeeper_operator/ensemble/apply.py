"""Carrying a plan out: one effect per action, in order, stopping at the first that fails.

What is optional is tried, and its refusal told, but stops nothing.

Decides nothing. Every destructive call carries the UID of what was seen, every reconfiguration the
configuration it was decided on; before each of them the right to act is asked for again, so that a
process that has lost its lease does nothing more, in the middle of a plan too.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from zookeeper_operator.ensemble.actions import (
    Action,
    Apply,
    Delete,
    Reconfigure,
    ReplaceMember,
    RestartMember,
)
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.observe import addresses_of
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.ensemble.plan.children import super_password
from zookeeper_operator.kube.api import RESOURCES, Kube, KubeError, NamespaceEndingError
from zookeeper_operator.zookeeper.protocol import (
    Access,
    EnsembleUnreachableError,
    ReconfigureRefusedError,
    ZooKeeper,
)

_LOG = logging.getLogger(__name__)


class NotLeadingError(Exception):
    """This process may not act any more: another one may have taken over."""


@dataclass
class Outcome:
    """What came of a plan. `failure` is a sentence for the status; `refused` what ZooKeeper refused.

    `generations` are those that StatefulSets have got by being applied.
    """

    done: list[Action] = field(default_factory=list)
    failure: str = ""
    error: Exception | None = None
    refused: tuple[Reconfigure, str] | None = None
    generations: dict[str, int] = field(default_factory=dict)


class Applier:
    """Carries plans out against the two outside worlds."""

    def __init__(self, kube: Kube, zookeeper: ZooKeeper, may_act: Callable[[], bool]) -> None:
        self._kube = kube
        self._zookeeper = zookeeper
        self._may_act = may_act
        # What the API server made of an object we applied: the same apply again would change nothing.
        self._applied: dict[str, tuple[str, str]] = {}

    async def apply(self, plan: Plan) -> Outcome:
        """Carry out the actions of a plan in order; stop at the first that fails.

        Raises:
            NotLeadingError: the lease was lost; the rest of the plan is somebody else's.
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
                outcome.refused = (action, str(error))
                outcome.failure = f"the ensemble refused a reconfiguration: {error}"
            except NamespaceEndingError:
                raise
            except (KubeError, EnsembleUnreachableError) as error:
                outcome.error = error
                outcome.failure = f"{_named(action)} failed: {error}"
                if isinstance(action, Apply) and action.optional and _is_refusal(error):
                    _LOG.warning(outcome.failure, extra={"ensemble": _key(observed.ensemble)})
                    continue
            else:
                if acted:
                    outcome.done.append(action)
                    _log(action, observed.ensemble)
                continue
            _LOG.warning(outcome.failure, extra={"ensemble": _key(observed.ensemble)})
            break
        return outcome

    async def _carry_out(self, action: Action, observed: Observed, outcome: Outcome) -> bool:
        """Carry one action out; False if it turned out that nothing was to do."""
        namespace = observed.ensemble.namespace
        match action:
            case Apply():
                return await self._apply_child(action, observed, outcome)
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
                await self._kube.delete(RESOURCES["Pod"], namespace, action.pod, uid=action.uid)
            case ReplaceMember():
                return await self._replace(action, namespace)
            case Reconfigure():
                await self._reconfigure(action, observed)
        return True

    async def _replace(self, action: ReplaceMember, namespace: str) -> bool:
        """Remove the claims, then the pod; the claims are held until the pod is gone.

        Pods and claims were listed one after the other. If the pod is still the one that was seen, so are its
        volumes.
        """
        pod, pod_uid = action.pod
        live = await self._kube.get(RESOURCES["Pod"], namespace, pod)
        if live is None or live["metadata"]["uid"] != pod_uid:
            return False
        for name, uid in action.claims:
            await self._kube.delete(RESOURCES["PersistentVolumeClaim"], namespace, name, uid=uid)
        await self._kube.delete(RESOURCES["Pod"], namespace, pod, uid=pod_uid)
        return True

    async def _apply_child(self, action: Apply, observed: Observed, outcome: Outcome) -> bool:
        body = action.body
        live = observed.child(body["kind"], body["metadata"]["name"])
        wanted = repr(body)
        if live is not None:
            uid, version = live["metadata"]["uid"], live["metadata"]["resourceVersion"]
            if self._applied.get(uid) == (version, wanted):
                # It differs only in how the API server writes it; sending it again changes nothing.
                return False
        write = self._kube.create if action.only_new else self._kube.apply
        result = await write(RESOURCES[body["kind"]], body)
        metadata = result["metadata"]
        self._applied[metadata["uid"]] = (metadata["resourceVersion"], wanted)
        if body["kind"] == "StatefulSet":
            outcome.generations[metadata["name"]] = metadata.get("generation", 0)
        return True

    async def _reconfigure(self, action: Reconfigure, observed: Observed) -> None:
        members = tuple(
            address
            for address in addresses_of(observed.ensemble, observed.pods)
            if address.id in observed.answers and observed.answers[address.id].serving
        )
        await self._zookeeper.reconfigure(
            Access(members, super_password(observed)),
            joining=action.joining,
            leaving=action.leaving,
            based_on=action.based_on,
        )


def _is_refusal(error: Exception) -> bool:
    """Whether the API server has read the request and will not have it."""
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
        case Reconfigure():
            changed = [*(s.line() for s in action.joining), *(f"-{i}" for i in action.leaving)]
            return f"reconfiguring {', '.join(changed)}"


def _log(action: Action, ensemble: Ensemble) -> None:
    text = f"Carried out: {_named(action)}: {action.why}"
    _LOG.info(text, extra={"ensemble": _key(ensemble)})

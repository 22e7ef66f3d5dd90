"""The controller of `ZookeeperEnsemble`: what wakes an ensemble, and how one is reconciled.

A reconcile observes, validates, plans, applies and reports. It knows only which ensemble to reconcile, never
why. Whatever wakes it, and however often, it ends in the same state; between reconciles nothing is remembered
that the next one needs in order to be right.
"""

import logging
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

import pydantic

from zookeeper_operator.api import reasons
from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import (
    Event,
    Key,
    Listed,
    OverrunError,
    WatchedResource,
)
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import (
    Action,
    Apply,
    Reconfigure,
    ReplaceMember,
    RestartMember,
)
from zookeeper_operator.ensemble.adoption.fence import Memory
from zookeeper_operator.ensemble.apply import Applier, NotLeadingError, Outcome
from zookeeper_operator.ensemble.board_report import build_report
from zookeeper_operator.ensemble.children import CHILD_KINDS
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.failure import Failure, FailureKind
from zookeeper_operator.ensemble.installation import (
    ManagedElsewhereError,
    check_managed_here,
    describe_elsewhere,
)
from zookeeper_operator.ensemble.observe import Inspector, addresses_of, utc_now
from zookeeper_operator.ensemble.observed import Applied, Observed, Refusal
from zookeeper_operator.ensemble.plan import Plan, build_plan
from zookeeper_operator.ensemble.plan.cut_over import find_memory
from zookeeper_operator.ensemble.report.members import restart_text
from zookeeper_operator.ensemble.report.notices import Notice, action_notice, build_notices
from zookeeper_operator.ensemble.report.status import build_status, status_differs
from zookeeper_operator.ensemble.report.unreadable import (
    build_unreadable_status,
    describe_unreadable,
)
from zookeeper_operator.kube.api import Kube, KubeError, NamespaceEndingError, Object, Resource
from zookeeper_operator.kube.events import EventRecorder, ObjectReference, OnEvent
from zookeeper_operator.settings import Settings
from zookeeper_operator.zookeeper.protocol import ZooKeeper

_LOG = logging.getLogger(__name__)
# While a disruptive action is under way, the next reconcile decides how long the ensemble does without one
# member.
_UNDER_WAY = 0.25
# A change of the members or of the children wakes an ensemble in any case. One that waits for minutes, for
# example for a zone that is gone, must not cost as much as one that changes every second.
_PATIENT_AFTER: Final = timedelta(seconds=30)
_PATIENCE: Final = 20  # a twentieth of the time for which nothing has changed
_LONGEST_PAUSE: Final = 10.0
# A reconcile that its predecessor had begun lasts a second or two.
_HANDOVER: Final = 5.0
_OVERRUN: Final = (
    "spec: a reconcile of it computed for too long and was interrupted; make it smaller, nothing is changed "
    "until then"
)


@dataclass
class _Memory:
    """What is remembered of one ensemble, to save a question or a wait.

    Of an ensemble that is created again under the same name nothing is remembered.
    """

    uid: str
    refusal: Refusal | None = None
    applied: Mapping[str, Applied] = field(default_factory=dict)
    contradicted_since: datetime | None = None
    source: Memory | None = None
    unchanged_since: datetime | None = None
    recorded: bool = False


WATCHES: Final = (
    WatchedResource(names.ENSEMBLES),
    *(WatchedResource(k.resource, names.LABEL_ENSEMBLE) for k in CHILD_KINDS if k.watched),
)
"""Ensembles, and those of their children that are watched."""


class EnsembleController:
    """`control.controller.Controller` that brings ensembles in line with their specs."""

    def __init__(
        self,
        kube: Kube,
        zookeeper: ZooKeeper,
        settings: Settings,
        board: Board,
        *,
        may_act: Callable[[], bool] = lambda: True,
        on_event_written: OnEvent = lambda _type, _reason: None,
        uniform: Callable[[float, float], float] = random.uniform,
        now: Callable[[], datetime] = utc_now,
        decide: Callable[[Observed], Plan] = build_plan,
    ) -> None:
        self._decide = decide
        self._kube = kube
        self._zookeeper = zookeeper
        self._settings = settings
        self._board = board
        self._may_act = may_act
        self._uniform = uniform
        self._now = now
        self._inspector = Inspector(kube, zookeeper, settings, now)
        self._applier = Applier(kube, zookeeper, may_act)
        self._recorder = EventRecorder(
            kube,
            settings.identity,
            on_event=on_event_written,
            log_extra=lambda about: {"ensemble": f"{about.namespace}/{about.name}"},
        )
        self._memories: dict[Key, _Memory] = {}
        self._left_alone: dict[Key, str] = {}

    @property
    def watches(self) -> Sequence[WatchedResource]:
        """Ensembles, and those of their children that are watched."""
        return WATCHES

    def keys_of(self, resource: Resource, event: Event) -> Iterable[Key]:
        """The ensemble itself, or the one that a child belongs to by its label."""
        metadata = event.body["metadata"]
        if resource.kind == names.KIND:
            name = metadata["name"]
        else:
            name = (metadata.get("labels") or {}).get(names.LABEL_ENSEMBLE)
        return (Key(names.KIND, metadata.get("namespace", ""), name),) if name else ()

    async def list_keys(self) -> Sequence[Listed]:
        """List the ensembles of the namespaces that are watched."""
        found: list[Object] = []
        for namespace in self._settings.namespaces or (None,):
            found += await self._kube.list(names.ENSEMBLES, namespace)
        return [
            Listed(
                Key(names.KIND, metadata["namespace"], metadata["name"]),
                metadata["uid"],
                metadata["resourceVersion"],
            )
            for metadata in (body["metadata"] for body in found)
        ]

    async def reconcile(self, key: Key) -> float | None:
        """Reconcile one ensemble; the seconds until the next time, None if it is gone.

        Raises:
            KubeError: the API server could not be asked, or refused in a way that is worth a backoff.
        """
        try:
            return await self._reconcile_readable(key)
        except ManagedElsewhereError as elsewhere:
            return await self._leave_alone(key, elsewhere)

    async def _reconcile_readable(self, key: Key) -> float | None:
        try:
            return await self._reconcile(key)
        except pydantic.ValidationError as error:
            return await self._report_unreadable(key, describe_unreadable(error))
        except OverrunError:
            return await self._report_unreadable(key, _OVERRUN)

    async def _reconcile(self, key: Key) -> float | None:
        observed = await self._inspector.observe(key)
        if observed is None:
            self._memories.pop(key, None)
            self._left_alone.pop(key, None)
            return None
        self._left_alone.pop(key, None)
        memory = self._memory_of(key, observed.ensemble)
        ensemble = await self._recorded_as_managed(observed.ensemble, memory)
        if ensemble is None:
            return _HANDOVER
        observed = replace(observed, ensemble=ensemble)
        plan = self._decide(
            replace(
                observed,
                refusal=memory.refusal,
                applied=memory.applied,
                contradicted_since=memory.contradicted_since,
                memory=memory.source,
            )
        )
        outcome = Outcome()
        if plan.actions:
            if any(isinstance(action, Reconfigure) for action in plan.actions):
                self._inspector.invalidate(key)
            try:
                outcome = await self._applier.apply(plan)
            except (NotLeadingError, NamespaceEndingError):
                return self._settings.resync_seconds
        _remember(memory, plan, outcome)
        reported = await self._report(key, plan, outcome)
        if plan.settled or outcome.done or reported:
            memory.unchanged_since = None
        addresses = addresses_of(observed.ensemble.namespace, observed.pods)
        report = build_report(
            plan,
            addresses,
            kube=self._kube,
            zookeeper=self._zookeeper,
            previous=self._board.get(key),
        )
        self._board.post(key, report)
        if outcome.error is not None and not _is_conflict(outcome.error):
            raise outcome.error
        return self._when_again(memory, plan, outcome)

    def _memory_of(self, key: Key, ensemble: Ensemble) -> _Memory:
        known = self._memories.get(key)
        if known is None or known.uid != ensemble.uid:
            known = self._memories[key] = _Memory(ensemble.uid)
        return known

    async def _recorded_as_managed(self, ensemble: Ensemble, memory: _Memory) -> Ensemble | None:
        """Record that this operator manages an ensemble; None if it may not act at once.

        Of two operators that find an ensemble without a record, one can write. A predecessor that an
        annotation has dismissed is given the time to end what it has begun.
        """
        before = ensemble.status.get("managedBy") or ""
        # Once for each object: a CRD older than this operator does not store it.
        known = before == ensemble.operator or memory.recorded
        if known or ensemble.deleting or not self._may_act():
            return ensemble
        status = {**ensemble.status, "managedBy": ensemble.operator}
        metadata = {**_identity_of(ensemble), "resourceVersion": ensemble.resource_version}
        written = await self._apply_status(metadata, status)
        if written is None:
            return None
        memory.recorded = True
        version = written["metadata"]["resourceVersion"]
        return None if before else replace(ensemble, status=status, resource_version=version)

    async def _leave_alone(self, key: Key, elsewhere: ManagedElsewhereError) -> float:
        """Say whose an ensemble is, once, and touch nothing of it."""
        self._board.remove(key)
        if self._left_alone.get(key) != elsewhere.manager and self._may_act():
            self._memories.pop(key, None)
            self._left_alone[key] = elsewhere.manager
            body, operator = elsewhere.body, self._settings.installation
            notice = Notice(
                reasons.MANAGED_ELSEWHERE, describe_elsewhere(body, elsewhere.manager, operator)
            )
            _LOG.warning(notice.message, extra={"ensemble": f"{key.namespace}/{key.name}"})
            await self._record(key, body["metadata"]["uid"], notice, self._now())
        return self._settings.resync_seconds

    async def _report(self, key: Key, plan: Plan, outcome: Outcome) -> bool:
        """Write Events and the status; whether the status says something new."""
        observed = plan.situation.observed
        ensemble = observed.ensemble
        restarted = {
            action.member_id: restart_text(action)
            for action in outcome.done
            if isinstance(action, RestartMember | ReplaceMember)
        }
        status = build_status(
            plan, restarted=restarted, failure=_failure_of(outcome), record=outcome.record
        )
        try:
            # What was seen comes before what was done about it.
            return await self._write_and_report(key, ensemble, status, observed.now)
        finally:
            if self._may_act():
                for notice in filter(None, map(action_notice, outcome.done)):
                    await self._record(key, ensemble.uid, notice, observed.now)

    async def _write_and_report(
        self, key: Key, ensemble: Ensemble, status: Object, now: datetime
    ) -> bool:
        """Write the status if it says something new, and Events of what has changed; whether it does."""
        if not status_differs(ensemble.status, status) or not self._may_act():
            return False
        metadata = {**_identity_of(ensemble), "resourceVersion": ensemble.resource_version}
        if await self._write_status(metadata, status):
            for notice in build_notices(ensemble.status, status):
                _log_notice(ensemble, notice.type, f"{notice.reason}: {notice.message}")
                await self._record(key, ensemble.uid, notice, now)
        return True

    async def _record(self, key: Key, uid: str, notice: Notice, now: datetime) -> None:
        await self._recorder.record(
            ObjectReference(names.API_VERSION, names.KIND, key.namespace, key.name, uid),
            type=notice.type,
            reason=notice.reason,
            message=notice.message,
            now=now,
        )

    async def _write_status(self, metadata: Mapping[str, str], status: Object) -> bool:
        """Write a status, if the object still has that UID; whether it has.

        An edit since the reconcile began is no reason to lose what was seen: then only the UID has to be the
        same.
        """
        if await self._apply_status(metadata, status):
            return True
        same = {key: value for key, value in metadata.items() if key != "resourceVersion"}
        return bool(await self._apply_status(same, status))

    async def _apply_status(self, metadata: Mapping[str, str], status: Object) -> Object | None:
        """Write a status to the object that this metadata describes; None if there is none such any more."""
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": dict(metadata),
            "status": status,
        }
        try:
            return await self._kube.apply_status(names.ENSEMBLES, body)
        except KubeError as error:
            # Deleted, or deleted and recreated, since the reconcile began: this status is about nothing.
            if error.status in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                return None
            raise

    async def _report_unreadable(self, key: Key, message: str) -> float:
        """Report that a spec cannot be worked on; nothing is touched, and only an edit can change that."""
        _, namespace, name = key
        body = await self._kube.get(names.ENSEMBLES, namespace, name)
        if body is None:
            return self._settings.unsettled_seconds
        check_managed_here(body, self._settings.installation)
        self._board.remove(key)  # what it says is about another spec
        status = build_unreadable_status(body, message, self._now())
        if status_differs(body.get("status") or {}, status) and self._may_act():
            _LOG.warning("%s", message, extra={"ensemble": f"{namespace}/{name}"})
            known = ("name", "namespace", "uid", "resourceVersion")
            await self._write_status({key: body["metadata"][key] for key in known}, status)
        return self._settings.resync_seconds

    def _when_again(self, memory: _Memory, plan: Plan, outcome: Outcome) -> float:
        settings = self._settings
        if plan.settled and not outcome.done and not outcome.failure:
            if plan.situation.ensemble.spec.adopt is not None:
                return settings.probe_seconds  # no event comes from a source that runs again
            return settings.resync_seconds * self._uniform(0.85, 1.15)
        pause = settings.unsettled_seconds
        hurries = any(action.disruptive or _is_certificate(action) for action in outcome.done)
        if hurries or plan.under_way:
            pause = min(_UNDER_WAY, pause)
        now = plan.situation.observed.now
        memory.unchanged_since = memory.unchanged_since or now
        unchanged = now - memory.unchanged_since
        if unchanged < _PATIENT_AFTER:
            return pause
        return max(pause, min(unchanged.total_seconds() / _PATIENCE, _LONGEST_PAUSE))


def _is_certificate(action: Action) -> bool:
    """Whether it gives members another certificate, of which their kubelets are notified next."""
    return isinstance(action, Apply) and names.ANNOTATION_CERTIFICATES in (
        action.body["metadata"].get("annotations") or {}
    )


def _identity_of(ensemble: Ensemble) -> Mapping[str, str]:
    """What says in metadata which object an ensemble is."""
    return {"name": ensemble.name, "namespace": ensemble.namespace, "uid": ensemble.uid}


def _remember(memory: _Memory, plan: Plan, outcome: Outcome) -> None:
    """Keep what saves time next time: never anything a decision needs in order to be safe."""
    live = {child["metadata"]["uid"] for child in plan.situation.observed.children}
    kept = {uid: applied for uid, applied in memory.applied.items() if uid in live}
    memory.applied = {**kept, **outcome.applied}
    contradicted = plan.quorum.contradiction is not None
    since = memory.contradicted_since or plan.situation.observed.now
    memory.contradicted_since = since if contradicted else None
    memory.source = find_memory(plan.situation, outcome.written)
    if outcome.refused is not None:
        action, error = outcome.refused
        handing_over = next(
            (
                s.id
                for s in action.joining
                if s.role == "observer" and s.id in action.based_on.voters
            ),
            None,
        )
        found = Refusal(
            str(error), plan.situation.observed.now, handing_over, transient=error.transient
        )
        memory.refusal = memory.refusal.followed_by(found) if memory.refusal else found
    elif plan.rollout.state is True:
        memory.refusal = None


def _is_conflict(error: Exception) -> bool:
    return not isinstance(error, KubeError) or error.status == HTTPStatus.CONFLICT


def _failure_of(outcome: Outcome) -> Failure:
    kind: FailureKind = ""
    if isinstance(outcome.error, KubeError) and not _is_conflict(outcome.error):
        kind = "spec" if outcome.error.status == HTTPStatus.UNPROCESSABLE_ENTITY else "api"
    return Failure(outcome.failure, kind, tuple(outcome.optional))


def _log_notice(ensemble: Ensemble, type_: str, text: str) -> None:
    level = logging.INFO if type_ == "Normal" else logging.WARNING
    _LOG.log(level, text, extra={"ensemble": f"{ensemble.namespace}/{ensemble.name}"})

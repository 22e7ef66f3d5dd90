"""Rehearses an edit: asks the API server whether it would accept it, observes, and computes what follows.

Nothing is changed: the API server is asked for a dry run, and the observation is one that refuses to write.
"""

import asyncio
from dataclasses import replace

import pydantic

from zookeeper_operator.cli.edit import find_changes, merge_edit
from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.cli.kubectl import RefusedError, UncheckedError, dry_run
from zookeeper_operator.cli.plan import Answer, summarize
from zookeeper_operator.cli.reading import (
    Reader,
    find_ensemble,
    open_cluster,
    open_members,
    why_unasked,
)
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build import BUILDER_REVISION
from zookeeper_operator.ensemble.ensemble import read_ensemble
from zookeeper_operator.ensemble.forecast.forecast import build_forecast
from zookeeper_operator.ensemble.installation import ManagedElsewhereError
from zookeeper_operator.ensemble.judge.spec import judge_spec
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.kube.api import Object


async def rehearse_now(target: KubeContext, name: str) -> Answer:
    """Find out what the operator is about to do without an edit.

    Raises:
        Failure: the ensemble cannot be observed.
    """
    async with open_cluster(target) as kube, open_members(target, kube) as zookeeper:
        body = await find_ensemble(kube, target.namespace, name)
        try:
            observed = await Reader(kube, zookeeper).observe(body)
        except pydantic.ValidationError as error:
            return _unreadable(body, error)
        except ManagedElsewhereError as error:
            raise _unknown_manager(body, error) from error
    if observed is None:
        raise Failure(f"ensemble {body['metadata']['name']} has just been deleted")
    return _answer(
        Answer(observed.ensemble.namespace, observed.ensemble.name, edited=False), observed
    )


async def rehearse_edit(target: KubeContext, edited: Object, *, server_side: bool) -> Answer:
    """Find out what an edit would do, if the API server would accept it.

    Raises:
        Failure: the ensemble cannot be observed.
    """
    name = str(edited["metadata"]["name"])
    namespace = str(edited["metadata"].get("namespace") or target.namespace)
    target = replace(target, namespace=namespace)
    async with open_cluster(target) as kube, open_members(target, kube) as zookeeper:
        live = await kube.get(names.ENSEMBLES, namespace, name)
        answer = Answer(namespace, name, edited=True, new=live is None)
        try:
            body = await asyncio.to_thread(dry_run, target, edited, server_side=server_side)
        except RefusedError as error:
            return replace(answer, refusals=(str(error),))
        except UncheckedError as error:
            body = merge_edit(live, edited, namespace)
            remark = f"The API server was not asked whether it would accept the edit: {error}."
            answer = replace(answer, remarks=(remark,))
        if live is not None:
            answer = replace(answer, changes=find_changes(live, body))
        try:
            observed = await Reader(kube, zookeeper).observe(live or body, edited=body)
        except pydantic.ValidationError as error:
            return _unreadable(body, error)
        except ManagedElsewhereError as error:
            raise _unknown_manager(live or body, error) from error
    assert observed is not None
    return _answer(answer, observed, _as_before(observed, live))


def _unknown_manager(body: Object, error: ManagedElsewhereError) -> Failure:
    return Failure(f"operator {error.manager} manages ensemble {body['metadata']['name']}")


def _unreadable(body: Object, error: pydantic.ValidationError) -> Answer:
    metadata = body["metadata"]
    said = tuple(f"{'.'.join(map(str, ('spec', *e['loc'])))}: {e['msg']}" for e in error.errors())
    return Answer(metadata["namespace"], metadata["name"], edited=True, refusals=said)


def _as_before(observed: Observed, live: Object | None) -> Observed | None:
    """The same observation with the spec as it stands."""
    if live is None:
        return None
    try:
        ensemble = read_ensemble(
            live,
            cluster_domain=observed.ensemble.cluster_domain,
            operator_namespace=observed.ensemble.operator_namespace,
            allowed_privileges=observed.ensemble.allowed_privileges,
        )
    except pydantic.ValidationError:
        return None
    return replace(observed, ensemble=ensemble)


def _answer(answer: Answer, observed: Observed, before: Observed | None = None) -> Answer:
    remarks = list(answer.remarks)
    if before is not None:
        anyway = replace(answer, edited=False, forecast=build_forecast(before))
        if anyway.forecast is not None and anyway.forecast.moves:
            remarks.append(f"Without the edit, a change is under way already: {summarize(anyway)}.")
    remarks += spec_remarks(observed)
    unasked = why_unasked(observed)
    if unasked:
        remarks.append(f"This is based on the pods, not on the members' answers: {unasked}.")
    if _other_builder(observed):
        remarks.append(
            "The operator is of another version than this command, so it may build other objects."
        )
    return replace(answer, forecast=build_forecast(observed, before=before), remarks=tuple(remarks))


def spec_remarks(observed: Observed) -> list[str]:
    """What a person should know of a spec that is not refused here.

    Privileges are allowed where the operator was installed, which cannot be seen from a keyboard.
    """
    remarks = [f"{warning.message}." for warning in judge_spec(observed).warnings]
    strict = replace(observed, ensemble=replace(observed.ensemble, allowed_privileges=frozenset()))
    known = judge_spec(observed).problems
    doubtful = (problem for problem in judge_spec(strict).problems if problem not in known)
    return remarks + [f"The operator may refuse this: {p.message}." for p in doubtful]


def _other_builder(observed: Observed) -> bool:
    live = observed.child("StatefulSet", observed.ensemble.name)
    annotations = live["metadata"].get("annotations") or {} if live is not None else {}
    ours = str(BUILDER_REVISION)
    return str(annotations.get(names.ANNOTATION_BUILDER, ours)) != ours

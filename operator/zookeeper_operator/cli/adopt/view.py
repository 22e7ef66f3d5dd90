"""What `kubectl zk adopt` prints: the source, what must be done first, and every step. Pure."""

from collections.abc import Iterator
from typing import Any

import yaml

from zookeeper_operator.cli.adopt.inquiry import Inquiry
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.adoption.checks import TURN_ON


def render(inquiry: Inquiry) -> str:
    """The whole answer as lines."""
    return "\n".join(_lines(inquiry)) + "\n"


def as_value(inquiry: Inquiry) -> dict[str, Any]:
    """The answer as JSON."""
    return {
        "members": [
            {
                "id": server.id,
                "host": server.host,
                "role": server.role,
                "mode": answer.mode if (answer := inquiry.source.answers.get(server.id)) else "",
                "version": answer.version if answer else "",
            }
            for server in inquiry.source.servers
        ],
        "mode": inquiry.mode,
        "obstacles": list(inquiry.obstacles),
        "steps": [
            {"proceed": step.gate, "does": step.text, "voters": list(step.voters)}
            for step in inquiry.steps
        ],
        "manifest": inquiry.manifest,
        "networkPolicy": inquiry.policy,
    }


def as_yaml(inquiry: Inquiry) -> str:
    """The manifest, and the NetworkPolicy if one is needed."""
    documents = [inquiry.manifest, *([inquiry.policy] if inquiry.policy else [])]
    return yaml.safe_dump_all(documents, sort_keys=False)


def _lines(inquiry: Inquiry) -> Iterator[str]:
    yield from _source(inquiry)
    if inquiry.obstacles:
        yield "\nbefore it can be taken over:"
        yield from (f"  * {obstacle}" for obstacle in inquiry.obstacles)
        return
    if inquiry.mode == "CutOver":
        yield "\nthe source cannot reconfigure and is cut over. What would happen when writing has stopped:"
    else:
        yield "\nwhat would happen, a step at a time, while it serves:"
    first = inquiry.wish.first_id
    ours = range(first, first + len(inquiry.source.voters))
    yield f"  Observe  members {', '.join(map(str, ours))} start and copy the data; none of them votes"
    gate = ""
    for step in inquiry.steps:
        begins = step.gate if step.gate != gate else ""
        gate = step.gate
        voters = ", ".join(map(str, step.voters))
        yield f"  {begins:<8} {step.text} (voters: {voters})"
    yield "\nbefore you apply it:"
    yield from (f"  * {hint}" for hint in _hints(inquiry))


def _source(inquiry: Inquiry) -> Iterator[str]:
    version = f", configuration {inquiry.config.version:x}" if inquiry.config else ""
    yield f"source {inquiry.wish.source}: {len(inquiry.source.servers)} members{version}"
    for server in inquiry.source.servers:
        answer = inquiry.source.answers.get(server.id)
        said = "was not asked"
        if answer is not None:
            said = f"{answer.mode} {answer.version}" if answer.mode else answer.problem or "unknown"
        yield f"  member {server.id}  {server.host}  {said}"


def _hints(inquiry: Inquiry) -> Iterator[str]:
    pods, wish = inquiry.source.pods, inquiry.wish
    if inquiry.mode == "CutOver":
        yield (
            "stop everything that writes before you set proceed: Swap, and leave it stopped until "
            "status.adoptedAt is set; sessions that only last disturb nothing"
        )
        yield f"or turn reconfiguration on, and take it over without a pause (--mode Join). {TURN_ON}"
    yield (
        "suspend what restores the source (Argo, Flux, helm upgrade, another operator): pods that come "
        "back could form an ensemble of their own"
    )
    if pods is None:
        yield "name its StatefulSet (statefulset/NAMESPACE/NAME), or stop its members by hand when asked to"
    elif not pods.writable:
        yield (
            "let the operator stop its pods: kubectl --namespace "
            f"{pods.namespace} annotate statefulset/{pods.name} "
            f"{names.ANNOTATION_ADOPTABLE_BY}={wish.namespace}/{wish.name}"
        )
    if inquiry.hiding and pods is not None:
        yield (
            "let members be found while their pods are not ready, or one that has left may not get its vote "
            f"back: kubectl --namespace {pods.namespace} patch service/{inquiry.hiding} --type merge --patch "
            """'{"spec":{"publishNotReadyAddresses":true}}'"""
        )
    if inquiry.policy is not None:
        yield "a NetworkPolicy selects the pods of the source: apply the one that is in the manifest as well"
    yield "set jute.maxbuffer of the source in jvm.options, and skipACL in config, if the source has them"
    when = "at Swap" if inquiry.mode == "CutOver" else "at Finish"
    yield f"a client keeps its session if its list, or the Service behind it, has one of our members {when}"

"""The status of an ensemble whose spec cannot be read, for example one stored under an older schema.

Pure. What the status said before stays, but for the conditions that this is a fact about.
"""

from datetime import datetime

import pydantic

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.api.conditions import Condition
from zookeeper_operator.ensemble.report.limits import within_limits
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.times import format_time


def describe_unreadable(error: pydantic.ValidationError) -> str:
    """The first field that cannot be read, why, and what to do."""
    first = error.errors()[0]
    where = ".".join(map(str, ("spec", *first["loc"])))
    return f"{where}: {first['msg']}; fix it, nothing is changed until then"


def build_unreadable_status(body: Object, message: str, now: datetime) -> Object:
    """The status of an ensemble as it is stored, with `InvalidSpec` and the message in it."""
    old = body.get("status") or {}
    generation = body["metadata"].get("generation", 0)
    before = [
        Condition(
            type=c["type"],
            status=c["status"],
            reason=c.get("reason", ""),
            last_transition_time=c.get("lastTransitionTime", ""),
        )
        for c in old.get("conditions") or []
    ]
    found = [
        Condition(
            type=type_,
            status=conditions.FALSE,
            reason=reasons.INVALID_SPEC,
            message=message,
            observed_generation=generation,
        )
        for type_ in (conditions.READY, conditions.SPEC_VALID)
    ]
    merged = conditions.merge(before, found, format_time(now))
    return within_limits(
        {
            **old,
            "observedGeneration": generation,
            "summary": reasons.INVALID_SPEC,
            "nextAction": f"nothing until the spec is fixed: {message}",
            "conditions": [condition.to_api() for condition in merged],
        }
    )

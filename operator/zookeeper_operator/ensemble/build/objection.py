"""Why a part of `spec.podTemplate` is refused, and whether a live template has that part already."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zookeeper_operator.kube.diff import first_difference


@dataclass(frozen=True)
class Objection:
    """One thing in `spec.podTemplate` that is refused.

    Attributes:
        message: What is wrong, and what to do instead. part: The part of the pod template that is objected
        to, and nothing else; a null where the user removes
            what the operator sets. None where a template that has it could never have run.
        privileged: Whether the part raises privileges.
    """

    message: str
    part: Mapping[str, Any] | None = None
    privileged: bool = False


def holds(live: Any, part: Any) -> bool:
    """Return whether a live value has a part already: laying the part over it would change nothing.

    What the API server has added beside the part does not count, nor what a list has beside its items.
    """
    if part is None or part == []:
        return live in (None, "", [], {})  # `False` is a limit that was set
    if isinstance(part, Mapping):
        return isinstance(live, Mapping) and all(holds(live.get(k), v) for k, v in part.items())
    if isinstance(part, list):
        return all(any(holds(item, wanted) for item in live or []) for wanted in part)
    return live is not None and first_difference(part, live) is None

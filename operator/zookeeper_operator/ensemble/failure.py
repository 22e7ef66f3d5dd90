"""What kept a reconcile from doing all that it planned, as the status reports it."""

from dataclasses import dataclass
from typing import Literal

FailureKind = Literal["", "spec", "api"]
"""`spec`: the API server does not accept what the spec makes of a child. `api`: it has refused a request for
another reason, or could not carry it out. Empty: anything transient, such as a conflict."""


@dataclass(frozen=True)
class Failure:
    """A sentence about what failed, and of what kind that is; empty if nothing did.

    `optional` are sentences about children that the ensemble does without, and that were refused.
    """

    message: str = ""
    kind: FailureKind = ""
    optional: tuple[str, ...] = ()


NO_FAILURE = Failure()

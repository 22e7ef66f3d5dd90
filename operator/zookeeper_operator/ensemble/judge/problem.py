"""One thing that is wrong with a spec."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing in the spec that cannot be acted on, or that a person should know of.

    `carried` says that the ensemble runs with the very value: that stops nothing, whatever a later version
    of the operator refuses in a new one.
    """

    reason: str
    message: str
    carried: bool = False

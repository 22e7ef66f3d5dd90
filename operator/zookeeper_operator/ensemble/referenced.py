"""What a spec refers to by name, and what was found there.

Pure. A reference that leads nowhere is a fact to report, not an error. The content of what is referred to
is never part of a value here: it must not reach a status, an Event or a log.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from zookeeper_operator.api.ensemble import EnsembleSpec

State = Literal["present", "missing", "unreadable"]


@dataclass(frozen=True)
class Reference:
    """One Secret that a spec names; `field` is where, as a person writes it."""

    name: str
    field: str


@dataclass(frozen=True)
class Found:
    """What a reference led to: `version` is the resourceVersion, `why` the reason it cannot be read."""

    reference: Reference
    state: State
    version: str = ""
    why: str = ""


@dataclass(frozen=True)
class Referenced:
    """Everything a spec refers to, as it was read once, right after the lists of a reconcile."""

    found: tuple[Found, ...] = ()

    def problems(self) -> Iterator[str]:
        """A sentence for each reference that leads nowhere."""
        for found in self.found:
            reference = found.reference
            if found.state == "missing":
                yield f"{reference.field} names Secret {reference.name}, which does not exist"
            elif found.state == "unreadable":
                yield f"{reference.field} names Secret {reference.name}, which cannot be read: {found.why}"


def references_of(spec: EnsembleSpec) -> tuple[Reference, ...]:
    """Every Secret that a spec names, in the order of its fields."""
    return tuple(
        Reference(secret.name, f"spec.image.pullSecrets[{index}]")
        for index, secret in enumerate(spec.image.pull_secrets)
    )

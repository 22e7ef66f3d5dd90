"""What a spec refers to by name, and what was found there.

Pure. A reference that leads nowhere is a fact to report, not an error. The content of what is referred to
is never part of a value here: it must not reach a status, an Event or a log.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from zookeeper_operator.api.security import UserSpec
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.ensemble import Ensemble

State = Literal["present", "missing", "unreadable"]


@dataclass(frozen=True)
class Reference:
    """One Secret that a spec names; `field` is where, as a person writes it."""

    name: str
    field: str
    watched: bool = False
    """Whether its content is used, so that a new version of it has to be noticed."""


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

    @property
    def watched(self) -> bool:
        """Whether the content of one of them is used."""
        return any(found.reference.watched for found in self.found)

    def problems(self) -> Iterator[str]:
        """A sentence for each reference that leads nowhere, but for those that `Secured` reports."""
        for found in self.found:
            reference = found.reference
            if reference.watched:
                continue
            if found.state == "missing":
                yield f"{reference.field} names Secret {reference.name}, which does not exist"
            elif found.state == "unreadable":
                yield f"{reference.field} names Secret {reference.name}, which cannot be read: {found.why}"


def references_of(ensemble: Ensemble) -> tuple[Reference, ...]:
    """Every Secret that a spec names, in the order of its fields."""
    spec = ensemble.spec
    pull = (
        Reference(secret.name, f"spec.image.pullSecrets[{index}]")
        for index, secret in enumerate(spec.image.pull_secrets)
    )
    source = tls_source_name(ensemble)
    passwords = (
        Reference(
            user.password_secret.name,
            f"spec.auth.users[{user.name}].passwordSecret",
            watched=True,
        )
        for user in users_of(ensemble)
    )
    certificate = [Reference(source, "spec.tls.source", watched=True)] if source else []
    return (*pull, *certificate, *passwords)


def users_of(ensemble: Ensemble) -> tuple[UserSpec, ...]:
    """The users that a spec asks for; none where a certificate is required, beside which no user counts."""
    auth = ensemble.spec.auth
    return () if auth is None or auth.required == "X509" else auth.users


def tls_source_name(ensemble: Ensemble) -> str | None:
    """The Secret that the certificate is taken from; None for the operator's own CA, or no TLS."""
    tls = ensemble.spec.tls
    if tls is None:
        return None
    if tls.source.issuer_ref is not None:
        return names.certificate_name(ensemble.name)
    return tls.source.secret_name

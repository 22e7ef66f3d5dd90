"""What members speak among themselves and with clients, in steps of which any two neighbours fit together.

Pure. A phase stands on each pod template, and so on each pod, and nothing else is remembered of how far a
change has come. Measured on 3.8 and 3.9: members of neighbouring quorum phases form a quorum in any mix;
a member two phases apart from the others never joins them.

| Quorum phase | Accepts | Dials |
| --- | --- | --- |
| 0 | plain | plain |
| 1 | plain and TLS | plain |
| 2 | plain and TLS | TLS |
| 3 | TLS | TLS |

Client phases: 0 is port 2181 alone, 1 adds port 2281 for TLS.

| Authentication phase | Clients |
| --- | --- |
| 0 | cannot log in |
| 1 | may log in as a user, and the operator does |
| 2 | must authenticate |

Members of all authentication phases form a quorum. But the operator logs in everywhere or nowhere: a member
of phase 0 refuses each login, and one of phase 2 every session without one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.api.security import AuthSpec
from zookeeper_operator.ensemble import names

QUORUM_PHASES: Final = 3
DIALS_TLS: Final = 2
"""From this quorum phase on a member cannot join the others without a certificate that they accept."""

KNOWS_USERS: Final = 1
"""From this authentication phase on a member mounts the users, and clients may log in."""
REQUIRES_AUTHENTICATION: Final = 2
"""In this authentication phase a member serves no client that has not authenticated."""

_FORM: Final = re.compile(r"q([0-3]),c([01]),a([0-2])")


@dataclass(frozen=True)
class Phase:
    """What one pod template speaks: the phases of the quorum, of clients, and of authentication."""

    quorum: int = 0
    clients: int = 0
    auth: int = 0

    @property
    def text(self) -> str:
        """The phase as it stands on pods."""
        return f"q{self.quorum},c{self.clients},a{self.auth}"

    @property
    def uses_certificates(self) -> bool:
        """Whether members of this phase mount certificates."""
        return bool(self.quorum or self.clients)

    @property
    def knows_users(self) -> bool:
        """Whether members of this phase mount the users."""
        return self.auth >= KNOWS_USERS

    @property
    def requires_authentication(self) -> bool:
        """Whether members of this phase serve no client that has not authenticated."""
        return self.auth >= REQUIRES_AUTHENTICATION


PLAIN: Final = Phase()


def read_phase(annotations: Mapping[str, str]) -> Phase | None:
    """The phase of a pod or a pod template by its annotations; None if the operator cannot have written it.

    Without the annotation it is the oldest one: it was made without TLS and users.
    """
    text = annotations.get(names.ANNOTATION_SECURITY)
    if text is None:
        return PLAIN
    found = _FORM.fullmatch(text)
    return None if found is None else Phase(*map(int, found.groups()))


def template_phase(template: Mapping[str, Any]) -> Phase | None:
    """The phase of a pod template."""
    return read_phase((template.get("metadata") or {}).get("annotations") or {})


def wanted_phase(spec: EnsembleSpec) -> Phase:
    """The phase that a spec asks for."""
    tls, auth = spec.tls, _wanted_authentication(spec.auth)
    if tls is None:
        return Phase(auth=auth)
    return Phase(
        QUORUM_PHASES if tls.quorum == "Enabled" else 0,
        0 if tls.clients == "Disabled" else 1,
        auth,
    )


def _wanted_authentication(auth: AuthSpec | None) -> int:
    if auth is None:
        return 0
    if auth.required != "None":
        return REQUIRES_AUTHENTICATION
    return KNOWS_USERS if auth.users else 0


def lets_in_certificates(spec: EnsembleSpec) -> bool:
    """Whether a client can authenticate by its certificate where that is required."""
    tls, auth = spec.tls, spec.auth
    return (
        auth is not None
        and auth.required in ("X509", "Any")
        and tls is not None
        and tls.clients != "Disabled"
        and tls.client_certificates != "None"
    )

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
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble import names

QUORUM_PHASES: Final = 3
DIALS_TLS: Final = 2
"""From this quorum phase on a member cannot join the others without a certificate that they accept."""

_FORM: Final = re.compile(r"q([0-3]),c([01]),a(0)")


@dataclass(frozen=True)
class Phase:
    """What one pod template speaks: the quorum phase and the client phase."""

    quorum: int = 0
    clients: int = 0

    @property
    def text(self) -> str:
        """The phase as it stands on pods. The last part is for authentication, which has no phases yet."""
        return f"q{self.quorum},c{self.clients},a0"

    @property
    def uses_certificates(self) -> bool:
        """Whether members of this phase mount certificates."""
        return self != PLAIN


PLAIN: Final = Phase()


def read_phase(annotations: Mapping[str, str]) -> Phase | None:
    """The phase of a pod or a pod template by its annotations; None if the operator cannot have written it.

    Without the annotation it is the oldest one: it was made without TLS.
    """
    text = annotations.get(names.ANNOTATION_SECURITY)
    if text is None:
        return PLAIN
    found = _FORM.fullmatch(text)
    return None if found is None else Phase(int(found[1]), int(found[2]))


def template_phase(template: Mapping[str, Any]) -> Phase | None:
    """The phase of a pod template."""
    return read_phase((template.get("metadata") or {}).get("annotations") or {})


def wanted_phase(spec: EnsembleSpec) -> Phase:
    """The phase that a spec asks for."""
    tls = spec.tls
    if tls is None:
        return PLAIN
    return Phase(
        QUORUM_PHASES if tls.quorum == "Enabled" else 0,
        0 if tls.clients == "Disabled" else 1,
    )

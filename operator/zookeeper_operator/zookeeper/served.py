"""What handshakes with a member's ports have shown, as values.

Pure. `zookeeper.handshake` makes them from connections.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from zookeeper_operator.certificates.certificate import Certificate


@dataclass(frozen=True)
class Handshake:
    """One handshake with one port.

    Attributes:
        leaf: the certificate that the port serves; None if it served none.
        accepts: whether it accepts the certificate that was presented; None if none was, or if the port gave
            no verdict.
        presented: the CA of the certificate that was presented.
        why: why there is no certificate, or no verdict, in words.
    """

    leaf: Certificate | None = None
    accepts: bool | None = None
    presented: Certificate | None = None
    why: str = ""


Handshakes: TypeAlias = Mapping[int, Mapping[int, Handshake]]
"""Handshakes by member and port. A member that was not asked is not there."""

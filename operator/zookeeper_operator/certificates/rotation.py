"""From what the members mount to what a source gives, one file at a time, so that no member is cut off.

Pure. ZooKeeper watches the key store and the trust store apart from each other, without a lock between them:
when both change at once, a member may keep the old trust. So each step changes one of them, and the next one
waits until every member has taken the last one over.
"""

from dataclasses import dataclass
from typing import Literal

from zookeeper_operator.certificates.certificate import Certificate
from zookeeper_operator.certificates.key_store import Stores
from zookeeper_operator.certificates.path import path_to
from zookeeper_operator.certificates.source import Source

Stage = Literal["Trusting", "Presenting", "Retiring", "Done"]


@dataclass(frozen=True)
class Confirmed:
    """What handshakes with every committed member have shown; an absent member has shown nothing.

    Attributes:
        trusted: each accepts a certificate of the source's CA.
        served: each serves the certificate that is mounted.
    """

    trusted: bool = False
    served: bool = False


@dataclass(frozen=True)
class Step:
    """What has to be mounted now. It is what is mounted already while a confirmation is missing."""

    stage: Stage
    stores: Stores


def next_step(live: Stores, source: Source, *, confirmed: Confirmed, live_is_usable: bool) -> Step:
    """The next step of a rotation; the same again as long as nothing else is confirmed.

    Args:
        live: what is mounted.
        source: what has to be mounted in the end.
        confirmed: what is known of the members.
        live_is_usable: whether handshakes can succeed with what is mounted. If not, members have nothing to
            lose, and none of them could confirm anything.
    """
    if not _holds(live, source):
        return Step("Trusting", Stores(live.key_pair, live.trust.and_also(source.trust)))
    if live.key_pair != source.key_pair:
        free = not live_is_usable or path_to(live.key_pair.chain, [source.path.anchor]) is not None
        goes = free or confirmed.trusted
        return Step("Presenting", Stores(source.key_pair, live.trust) if goes else live)
    if live.trust != source.trust:
        return Step("Retiring", Stores(live.key_pair, source.trust) if confirmed.served else live)
    return Step("Done", live)


def retired(before: Stores, after: Stores) -> frozenset[Certificate]:
    """The CAs that are no longer trusted: a certificate of one of them must be rejected from then on."""
    return frozenset(before.trust.authorities) - frozenset(after.trust.authorities)


def _holds(live: Stores, source: Source) -> bool:
    return frozenset(source.trust.authorities) <= frozenset(live.trust.authorities)

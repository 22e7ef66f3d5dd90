"""Handshakes with the members' TLS ports, no more often than they are needed.

Each costs a member a line in its log, so what was shown is remembered: until the container of the member
starts again, until another certificate is expected, and for five minutes at most. Nothing that decides is
remembered: a new process asks again.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from zookeeper_operator.certificates.certificate import Certificate
from zookeeper_operator.control.controller import Key
from zookeeper_operator.ensemble.observed import Observed, Pod
from zookeeper_operator.ensemble.security.certificates import (
    Certificates,
    judge_certificates,
    tls_ports,
)
from zookeeper_operator.zookeeper.protocol import Address, Presented, ZooKeeper
from zookeeper_operator.zookeeper.served import Handshake

_AGE_SECONDS: Final = 300.0
_AGAIN_SECONDS: Final = 2.0
"""For one that has shown another certificate than the one it was given."""
_SILENCE_SECONDS: Final = 15.0
"""For one whose ports do not answer: each question takes seconds that the status waits for."""


@dataclass(frozen=True)
class _Known:
    handshakes: Mapping[int, Handshake]
    about: object
    at: float
    lasts: float


class HandshakeReader:
    """Shakes hands with the members of ensembles, and remembers what saves a question."""

    def __init__(self, zookeeper: ZooKeeper) -> None:
        self._zookeeper = zookeeper
        self._known: dict[Key, dict[int, _Known]] = {}

    def forget(self, key: Key) -> None:
        """Drop what is remembered about an ensemble."""
        self._known.pop(key, None)

    async def fetch(self, key: Key, observed: Observed) -> Mapping[int, Mapping[int, Handshake]]:
        """What handshakes have shown of every member that answers and has a TLS port."""
        certificates = judge_certificates(observed)
        presented = _find_presented(certificates)
        ports = tls_ports(observed)
        now = asyncio.get_running_loop().time()
        known = self._known.get(key, {})
        kept: dict[int, _Known] = {}
        asked: dict[int, tuple[Pod, object]] = {}
        for pod in observed.pods:
            if pod.id not in ports or pod.terminating or not pod.ip:
                continue
            about: object = (
                (pod.uid, pod.running_since, ports[pod.id]),
                (certificates.leaf, presented and presented.authority),
            )
            found = known.get(pod.id)
            same = found is not None and found.about == about
            if (
                found is not None
                and same
                and (now - found.at < found.lasts or not _answers(observed, pod))
            ):
                kept[pod.id] = found
            elif _answers(observed, pod):
                asked[pod.id] = (pod, about)
        addresses = [
            Address(pod.id, observed.ensemble.namespace, pod.name, pod.ip)
            for pod, _ in asked.values()
        ]
        shown = await self._zookeeper.shake_hands(addresses, ports, presented) if asked else {}
        for member_id, (_, about) in asked.items():
            handshakes = shown.get(member_id, {})
            silent = any(one.leaf is None for one in handshakes.values())
            before = known.get(member_id)
            if silent and before is not None and before.about == about:
                handshakes = before.handshakes  # silence says nothing else than what was shown
            lasts = _AGAIN_SECONDS
            if silent:
                lasts = _SILENCE_SECONDS
            elif _is_complete(handshakes, certificates.leaf, presented):
                lasts = _AGE_SECONDS
            kept[member_id] = _Known(handshakes, about, now, lasts)
        self._known[key] = kept
        return {member_id: one.handshakes for member_id, one in sorted(kept.items())}


def _answers(observed: Observed, pod: Pod) -> bool:
    """Whether its server runs; one that does not serve may still show which certificate it has."""
    answer = observed.answers.get(pod.id)
    return answer is not None and answer.reachable


def _find_presented(certificates: Certificates) -> Presented | None:
    key_pair, source = certificates.to_present, certificates.source
    return None if key_pair is None or source is None else Presented(key_pair, source.path.anchor)


def _is_complete(
    handshakes: Mapping[int, Handshake], leaf: Certificate | None, presented: Presented | None
) -> bool:
    return all(
        one.leaf == leaf and (presented is None or one.accepts is True)
        for one in handshakes.values()
    )

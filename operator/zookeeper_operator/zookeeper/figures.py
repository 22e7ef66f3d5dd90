"""How busy a member is: the figures of its AdminServer, and what follows from two readings of them.

Pure. As in `answers`, nothing a member says is trusted to have the right type: what cannot be read is
unknown. Counters of a member begin again at 0 when it restarts; then nothing is known of the interval.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from zookeeper_operator.zookeeper.answers import Reply, number_in, one_line, text_in

FIGURES_COMMAND: Final = "monitor"
CLIENTS_COMMAND: Final = "connections"

# Each counter by the names that the two metrics providers of ZooKeeper give it.
_COUNT: Final = ("cnt_{}", "{}_count")
_SUM: Final = ("sum_{}", "{}_sum")


@dataclass(frozen=True)
class Total:
    """How often something has happened since the start of a member, and how many milliseconds it took."""

    count: int
    milliseconds: int


@dataclass(frozen=True)
class Figures:
    """One reading of one member, at a point in time in seconds. None is what it did not say.

    `problem` says why nothing was read; then all else is unknown.
    """

    at: float
    problem: str = ""
    state: str = ""
    received: int | None = None
    sent: int | None = None
    reads: Total | None = None
    updates: Total | None = None
    fsyncs: Total | None = None
    outstanding: int | None = None
    connections: int | None = None
    watches: int | None = None
    znodes: int | None = None
    ephemerals: int | None = None
    data_bytes: int | None = None
    open_files: int | None = None
    most_files: int | None = None


@dataclass(frozen=True)
class Rates:
    """What happened between two readings of one member: per second, and milliseconds on average."""

    requests: float | None = None
    responses: float | None = None
    reads: float | None = None
    updates: float | None = None
    read_ms: float | None = None
    update_ms: float | None = None
    fsync_ms: float | None = None


@dataclass(frozen=True)
class Client:
    """One connection of a client, by the address it comes from."""

    address: str
    session: str = ""
    received: int | None = None
    sent: int | None = None
    outstanding: int | None = None
    max_latency: int | None = None
    secure: bool = False

    @property
    def is_local(self) -> bool:
        """Whether it runs in the pod of the member, or comes by a port-forward."""
        try:
            return ipaddress.ip_address(self.address.strip("[]").partition("%")[0]).is_loopback
        except ValueError:
            return False


def read_figures(reply: Reply, at: float) -> Figures:
    """Read a member's reply to `monitor`, which it gave at this time."""
    fields = reply.fields
    if fields is None:
        return Figures(at, problem=reply.refused or reply.trouble or "no answer")
    return Figures(
        at=at,
        state=text_in(fields, "server_state"),
        received=number_in(fields, "packets_received"),
        sent=number_in(fields, "packets_sent"),
        reads=_total(fields, "readlatency"),
        updates=_total(fields, "updatelatency"),
        fsyncs=_total(fields, "fsynctime"),
        outstanding=number_in(fields, "outstanding_requests"),
        connections=number_in(fields, "num_alive_connections"),
        watches=number_in(fields, "watch_count"),
        znodes=number_in(fields, "znode_count"),
        ephemerals=number_in(fields, "ephemerals_count"),
        data_bytes=number_in(fields, "approximate_data_size"),
        open_files=number_in(fields, "open_file_descriptor_count"),
        most_files=number_in(fields, "max_file_descriptor_count"),
    )


def _total(fields: Mapping[str, Any], name: str) -> Total | None:
    count, spent = (
        next((n for key in keys if (n := number_in(fields, key.format(name))) is not None), None)
        for keys in (_COUNT, _SUM)
    )
    return None if count is None or spent is None else Total(count, spent)


def rates_between(before: Figures, after: Figures) -> Rates:
    """What happened between two readings of one member; unknown where a counter is, or has begun again."""
    seconds = after.at - before.at
    if seconds <= 0:
        return Rates()
    return Rates(
        requests=_per_second(before.received, after.received, seconds),
        responses=_per_second(before.sent, after.sent, seconds),
        reads=_per_second(_count(before.reads), _count(after.reads), seconds),
        updates=_per_second(_count(before.updates), _count(after.updates), seconds),
        read_ms=_average(before.reads, after.reads),
        update_ms=_average(before.updates, after.updates),
        fsync_ms=_average(before.fsyncs, after.fsyncs),
    )


def _count(total: Total | None) -> int | None:
    return None if total is None else total.count


def _per_second(before: int | None, after: int | None, seconds: float) -> float | None:
    if before is None or after is None or after < before:
        return None
    return (after - before) / seconds


def _average(before: Total | None, after: Total | None) -> float | None:
    if before is None or after is None or after.count <= before.count:
        return None
    spent = after.milliseconds - before.milliseconds
    return spent / (after.count - before.count) if spent >= 0 else None


def read_clients(reply: Reply) -> tuple[Client, ...]:
    """Read a member's reply to `connections`; what has another form is left out."""
    fields = reply.fields or {}
    return tuple(
        found
        for key, secure in (("connections", False), ("secure_connections", True))
        for found in _clients(fields.get(key), secure=secure)
    )


def count_plain_clients(reply: Reply) -> int | None:
    """How many clients from outside of the pod have a session without TLS, by a reply to `connections`.

    None if it has not listed them. What connects without a session, such as a health check, does not count.
    """
    listed = (reply.fields or {}).get("connections")
    if not isinstance(listed, list):
        return None
    # Sessions of members from id 128 on have negative numbers, which are none to show.
    with_session = [item for item in listed if isinstance(item, dict) and item.get("session_id")]
    return sum(not client.is_local for client in _clients(with_session, secure=False))


def _clients(listed: object, *, secure: bool) -> Iterable[Client]:
    for item in listed if isinstance(listed, list) else []:
        if not isinstance(item, dict):
            continue
        remote = text_in(item, "remote_socket_address")
        address = one_line(remote).rpartition(":")[0].lstrip("/")
        session = number_in(item, "session_id")
        if address:
            yield Client(
                address=address,
                session="" if session is None else f"{session:#x}",
                received=number_in(item, "packets_received"),
                sent=number_in(item, "packets_sent"),
                outstanding=number_in(item, "outstanding_requests"),
                max_latency=number_in(item, "max_latency"),
                secure=secure,
            )

"""How busy the members are, as a table: pure, from two readings of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from zookeeper_operator.cli.sizes import human_size
from zookeeper_operator.zookeeper.figures import Client, Figures, Rates, rates_between

_NOTHING: Final = "-"
_STYLES: Final = {"leader": "bold green"}
_TENTHS_BELOW: Final = 100
_NEARLY_ALL_FILES: Final = 0.8


@dataclass(frozen=True)
class MemberLoad:
    """One member: its latest figures, and what has happened since the reading before."""

    pod: str
    figures: Figures
    rates: Rates
    clients: tuple[Client, ...] = ()


@dataclass(frozen=True)
class BusyClient:
    """All connections from one address to all members, over one interval."""

    address: str
    connections: int
    requests: float | None
    outstanding: int
    max_latency: int | None
    pods: tuple[str, ...]


@dataclass(frozen=True)
class Load:
    """An ensemble over one interval of so many seconds."""

    namespace: str
    name: str
    seconds: float
    members: tuple[MemberLoad, ...]
    clients: tuple[BusyClient, ...] = ()


@dataclass(frozen=True)
class Sample:
    """What one member said at one time."""

    figures: Figures
    clients: tuple[Client, ...] = ()


def build_load(
    namespace: str,
    name: str,
    before: Mapping[str, Sample],
    after: Mapping[str, Sample],
    *,
    clients: int,
) -> Load:
    """Build what two samples of the members, by pod, say; `clients` is how many addresses are listed."""
    members = tuple(
        MemberLoad(
            pod,
            sample.figures,
            rates_between(before[pod].figures, sample.figures) if pod in before else Rates(),
            sample.clients,
        )
        for pod, sample in after.items()
    )
    spans = [after[p].figures.at - before[p].figures.at for p in after if p in before]
    seconds = max(spans, default=0.0)
    busy = _busy_clients(before, after, seconds)[:clients] if clients else ()
    return Load(namespace, name, seconds, members, tuple(busy))


def _busy_clients(
    before: Mapping[str, Sample], after: Mapping[str, Sample], seconds: float
) -> Sequence[BusyClient]:
    """The addresses with the most requests first; those of the same number by their connections."""
    received = {
        (pod, client.session): client.received
        for pod, sample in before.items()
        for client in sample.clients
    }
    grouped: dict[str, list[tuple[str, Client]]] = {}
    for pod, sample in after.items():
        for client in sample.clients:
            grouped.setdefault(client.address, []).append((pod, client))
    found = [
        _busy_client(address, connections, received, seconds)
        for address, connections in grouped.items()
    ]
    return sorted(found, key=lambda c: (-(c.requests or 0), -c.connections, c.address))


def _busy_client(
    address: str,
    connections: Sequence[tuple[str, Client]],
    received: Mapping[tuple[str, str], int | None],
    seconds: float,
) -> BusyClient:
    # A session that was not there before has sent all of its requests since.
    made = [
        client.received - (received.get((pod, client.session)) or 0)
        for pod, client in connections
        if client.received is not None
    ]
    latencies = [c.max_latency for _, c in connections if c.max_latency is not None]
    return BusyClient(
        address=address,
        connections=len(connections),
        requests=sum(max(n, 0) for n in made) / seconds if made and seconds > 0 else None,
        outstanding=sum(c.outstanding or 0 for _, c in connections),
        max_latency=max(latencies, default=None),
        pods=tuple(sorted({pod for pod, _ in connections})),
    )


# ---------------------------------------------------------------------- text


def render_load(load: Load) -> RenderableType:
    """Return the tables: the members, and the busiest clients if they were asked for."""
    headline = Text(f"{load.namespace}/{load.name}", style="bold")
    headline.append(f"  over {load.seconds:.1f} s", style="not bold dim")
    parts: list[RenderableType] = [headline, Text(), _members(load.members)]
    parts += [Text(problem, style="yellow") for problem in _problems(load.members)]
    if load.clients:
        parts += [Text(), _clients(load.clients)]
    return Group(*parts)


def _members(members: Iterable[MemberLoad]) -> Table:
    table = _table("MEMBER", "ROLE")
    for header in (
        *("REQ/S", "READS/S", "READ ms", "WRITES/S", "WRITE ms", "FSYNC ms", "OUTSTANDING"),
        *("CLIENTS", "WATCHES", "ZNODES", "DATA", "FILES"),
    ):
        table.add_column(header, justify="right", no_wrap=True)
    for member in members:
        figures, rates = member.figures, member.rates
        table.add_row(
            Text(member.pod),
            Text(figures.state or _NOTHING, style=_STYLES.get(figures.state, "")),
            *(
                _number(value)
                for value in (
                    *(rates.requests, rates.reads, rates.read_ms, rates.updates, rates.update_ms),
                    rates.fsync_ms,
                )
            ),
            Text(_whole(figures.outstanding), style="yellow" if figures.outstanding else ""),
            *(_whole(n) for n in (figures.connections, figures.watches, figures.znodes)),
            _NOTHING if figures.data_bytes is None else human_size(figures.data_bytes),
            _files(figures),
        )
    return table


def _files(figures: Figures) -> Text:
    if figures.open_files is None:
        return Text(_NOTHING)
    most = figures.most_files or 0
    nearly = most and figures.open_files > most * _NEARLY_ALL_FILES
    return Text(str(figures.open_files), style="yellow" if nearly else "")


def _problems(members: Iterable[MemberLoad]) -> list[str]:
    return [f"{m.pod}: {m.figures.problem}" for m in members if m.figures.problem]


def _clients(clients: Iterable[BusyClient]) -> Table:
    table = _table("CLIENT")
    for header in ("CONNECTIONS", "REQ/S", "OUTSTANDING", "MAX ms"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("AT", overflow="fold")
    for client in clients:
        table.add_row(
            Text(client.address),
            str(client.connections),
            _number(client.requests),
            str(client.outstanding),
            _whole(client.max_latency),
            Text(" ".join(client.pods)),
        )
    return table


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, no_wrap=True)
    return table


def _number(value: float | None) -> str:
    if value is None:
        return _NOTHING
    return f"{value:.1f}" if value < _TENTHS_BELOW else f"{value:.0f}"


def _whole(value: int | None) -> str:
    return _NOTHING if value is None else str(value)


# ---------------------------------------------------------------------- values


def load_as_value(load: Load) -> dict[str, Any]:
    """Return what `-o json` prints; null is what a member did not say."""
    return {
        "namespace": load.namespace,
        "name": load.name,
        "seconds": round(load.seconds, 3),
        "members": [member_as_value(member) for member in load.members],
        "clients": [asdict(client) for client in load.clients],
    }


def member_as_value(member: MemberLoad) -> dict[str, Any]:
    """Return the figures of one member for programs."""
    figures, rates = member.figures, member.rates
    return {
        "pod": member.pod,
        "role": figures.state,
        "problem": figures.problem,
        "requestsPerSecond": _rounded(rates.requests),
        "responsesPerSecond": _rounded(rates.responses),
        "readsPerSecond": _rounded(rates.reads),
        "writesPerSecond": _rounded(rates.updates),
        "readMilliseconds": _rounded(rates.read_ms),
        "writeMilliseconds": _rounded(rates.update_ms),
        "fsyncMilliseconds": _rounded(rates.fsync_ms),
        "outstanding": figures.outstanding,
        "connections": figures.connections,
        "watches": figures.watches,
        "znodes": figures.znodes,
        "ephemerals": figures.ephemerals,
        "dataBytes": figures.data_bytes,
        "openFiles": figures.open_files,
        "mostFiles": figures.most_files,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)

"""One screen about one ensemble, and one line about each of many: pure, from what was found."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from zookeeper_operator.api import conditions
from zookeeper_operator.cli.reading import Reading
from zookeeper_operator.cli.summary import ASKED_FOR, leader_line, quorum_line, unhealthy_conditions
from zookeeper_operator.cli.times import age_of

_NOTHING: Final = "-"
_STYLES: Final = {"leader": "bold green", "looking": "red", "": "red"}


def status_as_value(reading: Reading) -> dict[str, Any]:
    """Return what `-o json` prints of one ensemble.

    `source` is `members` if the status was seen now, `operator` if it is the one written last.
    """
    metadata = reading.body["metadata"]
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "generation": metadata.get("generation", 0),
        "source": "members" if reading.seen is not None else "operator",
        "note": reading.why_not_seen,
        "status": dict(reading.status),
    }


# ---------------------------------------------------------------------- one ensemble


def render_status(reading: Reading, now: datetime) -> RenderableType:
    """Return the screen: summary, quorum, leader, what happens next, members, open questions."""
    parts: list[RenderableType] = [_facts(reading, now)]
    members = reading.status.get("members") or []
    if members:
        parts += [Text(), _members(members, now)]
    unhealthy = list(unhealthy_conditions(reading.status.get("conditions") or []))
    if unhealthy:
        parts += [Text(), _conditions(unhealthy)]
    parts += [Text(remark, style="yellow") for remark in remarks(reading)]
    return Group(*parts)


def _facts(reading: Reading, now: datetime) -> Table:
    metadata, status = reading.body["metadata"], reading.status
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("ensemble", _headline(metadata, status))
    table.add_row("quorum", Text(quorum_line(status)))
    table.add_row("leader", Text(leader_line(status, now)))
    if status.get("connectionString"):
        table.add_row("clients", Text(str(status["connectionString"])))
    if status.get("externalConnectionString"):
        table.add_row("outside", Text(str(status["externalConnectionString"])))
    table.add_row("next", Text(str(status.get("nextAction") or "not reported by the operator yet")))
    return table


def _headline(metadata: Mapping[str, Any], status: Mapping[str, Any]) -> Text:
    summary = str(status.get("summary") or "no status yet")
    healthy = _is_true(status, conditions.READY) or summary in ASKED_FOR
    versions = (status.get("version") or {}).get("members") or {}
    running = " and ".join(f"{v} ({n})" if len(versions) > 1 else v for v, n in versions.items())
    line = Text(f"{metadata['namespace']}/{metadata['name']}  ")
    line.append(summary, style="green" if healthy else "bold yellow")
    if running:
        line.append(f"  ZooKeeper {running}")
    return line


def _is_true(status: Mapping[str, Any], type_: str) -> bool:
    return any(
        c.get("type") == type_ and c.get("status") == conditions.TRUE
        for c in status.get("conditions") or []
    )


def _members(members: Sequence[Mapping[str, Any]], now: datetime) -> Table:
    table = _plain_table()
    for header in ("MEMBER", "ROLE", "STATE", "SERVES"):
        table.add_column(header, no_wrap=True)
    for header in ("EPOCH", "ZXID", "LAG", "CLIENTS"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("REVISION", no_wrap=True)
    for member in members:
        role = str(member.get("role") or "")
        serves = bool(member.get("serving"))
        table.add_row(
            Text(str(member.get("pod", ""))),
            Text(role or _NOTHING, style=_STYLES.get(role, "")),
            Text(_state_of(member, now)),
            Text("yes" if serves else "no", style="" if serves else "red"),
            *(_value(member.get(key)) for key in ("epoch", "zxid", "lag", "connections")),
            Text(str(member.get("revision") or _NOTHING).rpartition("-")[2] or _NOTHING),
        )
    return table


def _state_of(member: Mapping[str, Any], now: datetime) -> str:
    """Where a member is; of one that no longer serves, for how long."""
    state = str(member.get("state") or _NOTHING)
    since = age_of(member.get("notServingSince"), now)
    return f"{state} for {since}" if since else state


def _value(value: object) -> Text:
    return Text(_NOTHING if value in {None, ""} else str(value))


def _conditions(unhealthy: Iterable[tuple[str, str, str]]) -> Table:
    table = _plain_table()
    table.add_column("CONDITION", overflow="fold")
    table.add_column("REASON", no_wrap=True)
    table.add_column("MESSAGE", overflow="fold")
    for types, reason, message in unhealthy:
        table.add_row(Text(types, style="yellow"), Text(reason), Text(message))
    return table


def remarks(reading: Reading) -> list[str]:
    """Say what the reader must know about the figures above: whose they are, and how fresh."""
    written = reading.body.get("status") or {}
    generation = reading.body["metadata"].get("generation", 0)
    found = []
    if reading.why_not_seen:
        found.append(f"as last written by the operator: {reading.why_not_seen}")
    if not written:
        found.append("the operator has not written a status yet; is it running?")
    elif written.get("observedGeneration", 0) < generation:
        found.append(f"the operator has not reconciled generation {generation} of the spec yet")
    elif reading.seen is not None and _said(written) != _said(reading.status):
        last = written.get("nextAction") or written.get("summary")
        found.append(f"the operator's last status differs: {written.get('summary')}: {last}")
    return found


def _said(status: Mapping[str, Any]) -> tuple[object, ...]:
    leader = status.get("leader") or {}
    return status.get("summary"), status.get("nextAction"), leader.get("id"), leader.get("epoch")


# ---------------------------------------------------------------------- many ensembles


def render_list(readings: Sequence[Reading], now: datetime) -> RenderableType:
    """Return one line about each ensemble, from the statuses the operator wrote."""
    table = _plain_table()
    for header in ("NAME", "VOTERS", "LEADER", "EPOCH", "STATUS", "AGE"):
        table.add_column(header, no_wrap=True)
    table.add_column("NEXT", overflow="fold")
    for reading in readings:
        body, status = reading.body, reading.status
        leader = status.get("leader") or {}
        healthy = _is_true(status, conditions.READY) or status.get("summary") in ASKED_FOR
        table.add_row(
            Text(str(body["metadata"]["name"])),
            Text(str((status.get("quorum") or {}).get("summary") or _NOTHING)),
            Text(str(leader.get("pod") or _NOTHING)),
            _value(leader.get("epoch")),
            Text(str(status.get("summary") or _NOTHING), style="green" if healthy else "yellow"),
            Text(age_of(body["metadata"].get("creationTimestamp"), now)),
            Text(str(status.get("nextAction") or _NOTHING)),
        )
    return table


def _plain_table() -> Table:
    return Table(box=None, pad_edge=False, header_style="bold")

"""What has happened, from one picture to the next: pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from zookeeper_operator.cli.events import count_of, happened_at
from zookeeper_operator.cli.page.texts import visible
from zookeeper_operator.cli.times import parse_time
from zookeeper_operator.kube.api import Object

Kind = Literal["election", "member", "restart", "membership", "event", "cluster"]


@dataclass(frozen=True)
class Moment:
    """One thing that has happened, in words."""

    at: datetime
    kind: Kind
    text: str
    warning: bool = False

    def as_value(self) -> dict[str, Any]:
        """Return it for the page."""
        at = self.at.isoformat(timespec="milliseconds")
        return {"at": at, "kind": self.kind, "text": self.text, "warning": self.warning}


def find_moments(
    before: Mapping[str, Any], after: Mapping[str, Any], at: datetime
) -> Iterator[Moment]:
    """Yield what has changed from one picture of an ensemble to the next.

    Pictures of which one is not made of the members' answers are not compared: that an answer is missing here
    says nothing of the ensemble.
    """
    if before["source"] != after["source"] or before["uid"] != after["uid"]:
        return
    yield from _members(before["members"], after["members"], at)
    yield from _voters(before["members"], after["members"], at)
    yield from _leaders(before["leader"], after["leader"], at)


def _leaders(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, at: datetime
) -> Iterator[Moment]:
    was, now = (
        (None if leader is None else (leader["id"], leader["epoch"])) for leader in (before, after)
    )
    if was == now:
        return
    if after is None:
        assert before is not None
        yield Moment(at, "election", f"no member leads; before it {_led(before)}", warning=True)
    elif before is None:
        yield Moment(at, "election", _leads(after))
    else:
        yield Moment(at, "election", f"{_leads(after)}; before it {_led(before)}")


def _leads(leader: Mapping[str, Any]) -> str:
    return f"{leader['pod']} leads epoch {leader['epoch']}"


def _led(leader: Mapping[str, Any]) -> str:
    return f"{leader['pod']} led epoch {leader['epoch']}"


def _members(
    before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]], at: datetime
) -> Iterator[Moment]:
    known = {member["id"]: member for member in before}
    for member in after:
        old = known.get(member["id"])
        if old is None:
            yield Moment(at, "member", f"{member['pod']} has appeared")
            continue
        if old["podUid"] and member["podUid"] and old["podUid"] != member["podUid"]:
            why = f": {member['restartReason']}" if member["restartReason"] else ""
            yield Moment(at, "restart", f"{member['pod']} has a new pod{why}")
        if old["serving"] == member["serving"]:
            continue
        why = f": {member['why']}" if member["why"] else ""
        if member["serving"]:
            yield Moment(at, "member", f"{member['pod']} serves as {member['role']}")
        elif member["serving"] is None:
            yield Moment(at, "member", f"{member['pod']} does not answer{why}", warning=True)
        else:
            text = f"{member['pod']} does not serve ({member['state']}){why}"
            yield Moment(at, "member", text, warning=True)
    listed = {member["id"] for member in after}
    for gone in (member for number, member in known.items() if number not in listed):
        yield Moment(at, "member", f"{gone['pod']} is gone")


def _voters(
    before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]], at: datetime
) -> Iterator[Moment]:
    was, now = ({m["id"] for m in members if m["voter"]} for members in (before, after))
    if was and now and was != now:
        text = f"voters {_listed(was)} → {_listed(now)}"
        yield Moment(at, "membership", text)


def _listed(ids: Iterable[int]) -> str:
    return " ".join(map(str, sorted(ids)))


def moments_of_events(events: Iterable[Object]) -> Iterator[Moment]:
    """Yield the Events of Kubernetes as moments."""
    for event in events:
        at = parse_time(happened_at(event))
        if at is None:
            continue
        count = count_of(event)
        again = f" ({count} times)" if count > 1 else ""
        message = " ".join(str(event.get("message", "")).split())
        text = visible(f"{event.get('reason', '')}: {message}{again}")
        yield Moment(at, "event", text, warning=event.get("type") == "Warning")

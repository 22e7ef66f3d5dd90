"""What a person reads of backups, differences and restores. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from zookeeper_operator.cli.sizes import human_size
from zookeeper_operator.cli.times import age_of
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.snapshot.comparison import Difference
from zookeeper_operator.zookeeper.snapshot.content import Content
from zookeeper_operator.zookeeper.subtree import Change, Outcome

_COLUMNS = ("NAME", "ENSEMBLE", "PHASE", "AGE", "SIZE", "STORED", "ZNODES", "VERIFIED", "LOCATION")


def render_backups(bodies: Sequence[Object], now: datetime) -> RenderableType:
    """A table of backups, the newest first."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in _COLUMNS:
        table.add_column(column, no_wrap=True)
    for body in bodies:
        status = body.get("status") or {}
        verified = (status.get("verified") or {}).get("by", "")
        phase = str(status.get("phase") or "Pending")
        table.add_row(
            body["metadata"]["name"],
            _ensemble_of(body),
            Text(phase, style={"Succeeded": "green", "Failed": "red"}.get(phase, "yellow")),
            age_of(status.get("completedAt") or body["metadata"].get("creationTimestamp"), now),
            _size(status.get("sizeBytes")),
            _size(status.get("storedBytes")),
            str(status.get("znodes") or ""),
            str(verified),
            str(status.get("location") or status.get("message") or ""),
        )
    return table


def backups_as_values(bodies: Sequence[Object]) -> list[dict[str, Any]]:
    """What `-o json` prints."""
    return [
        {
            "name": body["metadata"]["name"],
            "ensemble": _ensemble_of(body),
            **dict(body.get("status") or {}),
        }
        for body in bodies
    ]


def render_outcome(outcome: Outcome, *, dry_run: bool) -> RenderableType:
    """What was written, or would be: the paths, then the sums."""
    lines = [Text(f"{change.value:>14}  {path}") for change, path in outcome.shown]
    left = sum(n for c, n in outcome.counts.items() if c is not Change.SAME) - len(outcome.shown)
    if left > 0:
        lines.append(Text(f"… and {left} more", style="dim"))
    sums = ", ".join(f"{n} {c.value}" for c, n in outcome.counts.items() if n) or "nothing"
    lines.append(Text(f"{'would be: ' if dry_run else ''}{sums}", style="bold"))
    return Group(*lines)


def outcome_as_value(outcome: Outcome, *, dry_run: bool) -> dict[str, Any]:
    """What `-o json` prints."""
    return {
        "dryRun": dry_run,
        "counts": {change.name.lower(): n for change, n in outcome.counts.items()},
        "znodes": [{"path": p, "change": c.name.lower()} for c, p in outcome.shown],
    }


def render_differences(
    found: Iterable[Difference], names: tuple[str, str], limit: int
) -> tuple[RenderableType, int]:
    """Lines as `diff` has them, and how many differences there are."""
    lines: list[Text] = [
        Text(f"--- {names[0]}", style="red"),
        Text(f"+++ {names[1]}", style="green"),
    ]
    total = 0
    for one in found:
        total += 1
        if total <= limit:
            lines.append(_line(one))
    if total > limit:
        lines.append(Text(f"… and {total - limit} more", style="dim"))
    return Group(*lines), total


def describe_difference(found: Difference) -> str:
    """What differs, in a word or two."""
    left, right = found.left, found.right
    if left is None or right is None:
        return "only right" if left is None else "only left"
    what = [
        word
        for word, differs in (
            ("data", (left.data, left.size) != (right.data, right.size)),
            ("ACL", left.acls != right.acls),
            ("kind", left.kind != right.kind),
        )
        if differs
    ]
    return " and ".join(what)


def _line(found: Difference) -> Text:
    if found.left is None and found.right is not None:
        return Text(f"+ {found.path}  {_content(found.right)}", style="green")
    if found.right is None and found.left is not None:
        return Text(f"- {found.path}  {_content(found.left)}", style="red")
    return Text(f"~ {found.path}  {describe_difference(found)} differs", style="yellow")


def _content(content: Content) -> str:
    return human_size(content.size) if content.size else "empty"


def _ensemble_of(body: Mapping[str, Any]) -> str:
    return str(((body.get("spec") or {}).get("ensembleRef") or {}).get("name", ""))


def _size(value: int | None) -> str:
    return "" if value is None else human_size(value)

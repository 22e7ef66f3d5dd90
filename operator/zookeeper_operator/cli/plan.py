"""What an edit would do, in words. Pure: everything is taken from a forecast."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from zookeeper_operator.cli.edit import Change
from zookeeper_operator.ensemble.forecast.forecast import Forecast, Kind, Move

_STYLES: Final[dict[Kind, str]] = {
    "restart": "yellow",
    "hand over": "cyan",
    "replace": "bold red",
    "leave": "magenta",
    "join": "magenta",
}
_IDLE: Final = "nothing to do"


@dataclass(frozen=True)
class Answer:
    """The answer about an edit, or about what is under way without one.

    `refusals` are those of the API server; the planner's own are in the forecast. Without a forecast
    there is nothing to foresee because the edit would not be accepted.
    """

    namespace: str
    name: str
    edited: bool
    changes: tuple[Change, ...] = ()
    refusals: tuple[str, ...] = ()
    forecast: Forecast | None = None
    remarks: tuple[str, ...] = ()
    new: bool = False

    @property
    def refused(self) -> bool:
        """Whether the edit has no effect: not accepted, or not acted on."""
        return bool(self.refusals) or (
            self.forecast is not None and self.forecast.outcome in {"refused", "endless"}
        )


def answer_as_value(answer: Answer) -> dict[str, Any]:
    """Return what `-o json` prints."""
    forecast = answer.forecast
    refusals = [*answer.refusals, *(forecast.refusals if forecast else ())]
    return {
        "namespace": answer.namespace,
        "name": answer.name,
        "summary": summarize(answer),
        "refusals": refusals,
        "changes": [asdict(change) for change in answer.changes],
        "outcome": forecast.outcome if forecast else "refused",
        "says": forecast.says if forecast else "",
        "restarts": len(forecast.of("restart")) if forecast else 0,
        "handOvers": len(forecast.of("hand over")) if forecast else 0,
        "elections": forecast.elections if forecast else 0,
        "voters": voter_path(forecast) if forecast else [],
        "observers": observer_path(forecast) if forecast else [],
        "steps": [asdict(move) for move in forecast.moves] if forecast else [],
        "remarks": list(answer.remarks),
    }


def voter_path(forecast: Forecast) -> list[int]:
    """The number of voters now and after each join or leave: `[3, 4, 5]`."""
    moves = [m for m in forecast.of("join", "leave") if not _about_observer(m)]
    return [forecast.voters, *(move.voters for move in moves)]


def observer_path(forecast: Forecast) -> list[int]:
    """The number of observers now and after each that joins or leaves."""
    moves = [m for m in forecast.of("join", "leave") if _about_observer(m)]
    return [forecast.observers, *(move.observers for move in moves)]


def _about_observer(move: Move) -> bool:
    return "-observer-" in move.subject


def summarize(answer: Answer) -> str:
    """Say it in one line: `rolls 3 pods, one hand-over, no membership change`."""
    forecast = answer.forecast
    if answer.refusals or forecast is None:
        return "would be refused"
    if forecast.outcome == "refused":
        return "would be accepted, but not acted on"
    if not forecast.moves:
        return forecast.says
    return ", ".join([*_power(answer, forecast), *_effects(answer, forecast)])


def _power(answer: Answer, forecast: Forecast) -> Iterable[str]:
    """What begins or ends as a whole."""
    after = len(forecast.end.pods)
    if answer.new:
        yield f"founds an ensemble of {_counted(after, 'member')}"
    elif after and not forecast.begin.pods:
        yield f"starts {_counted(after, 'member')}"
    elif forecast.begin.pods and not after:
        yield "stops every member and keeps the data"


def _effects(answer: Answer, forecast: Forecast) -> Iterable[str]:
    """What happens to single members and volumes."""
    begun = bool(list(_power(answer, forecast)))
    restarts, replaced = len(forecast.of("restart")), len(forecast.of("replace"))
    if restarts:
        yield f"rolls {_counted(restarts, 'pod')}"
    if replaced:
        yield f"replaces {_counted(replaced, 'member')}"
    if not (restarts or replaced or begun):
        yield "restarts no pod"
    handed_over = len(forecast.of("hand over"))
    if handed_over:
        yield "one hand-over" if handed_over == 1 else f"{handed_over} hand-overs"
    elif forecast.elections and restarts:
        yield "the leader restarts without a hand-over"
    moved = list(_moved(forecast))
    yield from moved
    if not (moved or begun):
        yield "no membership change"
    yield from _volumes(forecast)
    if forecast.concerns or forecast.outcome != "settled":
        yield "but then it stops short"


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _moved(forecast: Forecast) -> Iterable[str]:
    for word, path in (("voters", voter_path(forecast)), ("observers", observer_path(forecast))):
        if len(path) > 1:
            yield f"{word} {' → '.join(map(str, _shortened(path)))}"


def _shortened(path: list[int]) -> list[int | str]:
    """A long way by its ends and its beginning."""
    most = 8
    return [*path[:3], "…", path[-1]] if len(path) > most else list(path)


def _volumes(forecast: Forecast) -> Iterable[str]:
    grown = [news for move in forecast.moves for news in move.then if " grows to " in news]
    if grown:
        size = grown[-1].rpartition(" ")[2]
        yield f"{_counted(len(grown), 'volume')} to {size}"
    deleted = [n for move in forecast.moves for n in move.then if n.endswith(" is deleted")]
    if deleted:
        yield f"{_counted(len(deleted), 'volume')} deleted"


def render_plan(answer: Answer) -> RenderableType:
    """Return the answer: the line that sums it up, the changes, the moves, and how it ends."""
    headline = Text(f"{answer.namespace}/{answer.name}: ", style="bold")
    headline.append(summarize(answer), style="bold red" if answer.refused else "bold green")
    parts: list[RenderableType] = [headline]
    forecast = answer.forecast
    refusals = [*answer.refusals, *(forecast.refusals if forecast else ())]
    parts += [Text(f"  {refusal}", style="red") for refusal in refusals]
    if answer.edited and not (answer.new or answer.changes or answer.refusals):
        parts += [Text("The edit does not change the spec.")]
    if answer.changes:
        parts += [Text(), _changes(answer.changes)]
    if forecast is not None and forecast.moves:
        parts += [Text(), _moves(forecast.moves)]
    if forecast is not None and not forecast.refusals and forecast.moves:
        parts += [Text(), Text(_ending(forecast))]
    parts += [Text(remark, style="yellow") for remark in answer.remarks]
    return Group(*parts)


def _ending(forecast: Forecast) -> str:
    match forecast.outcome:
        case "settled" if forecast.says == _IDLE:
            return "Then: nothing to do. (If every member that is restarted or added comes up.)"
        case "settled":
            return f"Then: {forecast.says}."
        case "endless":
            return f"No end is found; the last step: {forecast.says}."
        case _:
            return f"Then it waits: {forecast.says}."


def _changes(changes: Iterable[Change]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("CHANGE", overflow="fold")
    table.add_column("FROM", overflow="fold")
    table.add_column("TO", overflow="fold")
    for change in changes:
        table.add_row(Text(change.path), Text(change.old), Text(change.new))
    return table


def _moves(moves: Iterable[Move]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("STEP", no_wrap=True)
    table.add_column("ON", overflow="fold", max_width=44)
    table.add_column("WHY", overflow="fold")
    table.add_column("THEN", overflow="fold")
    shown = [move for move in moves if move.kind != "record" or move.then]
    for number, move in enumerate(shown, start=1):
        table.add_row(
            str(number),
            Text(move.kind, style=_STYLES.get(move.kind, "")),
            Text(grouped(move.subject)),
            Text(move.why),
            Text("; ".join(move.then)),
        )
    return table


def grouped(subjects: str) -> str:
    """Name each kind once: `Service zk-4 zk-5, StatefulSet zk`."""
    kinds: dict[str, list[str]] = {}
    for subject in subjects.split(", "):
        kind, _, name = subject.partition(" ")
        kinds.setdefault(kind, []).append(name)
    return ", ".join(" ".join([kind, *filter(None, found)]) for kind, found in kinds.items())

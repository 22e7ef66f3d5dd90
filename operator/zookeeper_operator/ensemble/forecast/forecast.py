"""What the operator will do, move by move, found by asking its own planner again and again.

Pure. There is no second logic here: `build_plan` decides, and the model carries out what it decides. A plan
that waits for something that does not come by itself is reported as waiting.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import (
    Action,
    Apply,
    Delete,
    Reconfigure,
    RecordAdoption,
    ReplaceMember,
    RestartMember,
    ScaleSource,
    WriteFence,
)
from zookeeper_operator.ensemble.forecast.claims import requested_size
from zookeeper_operator.ensemble.forecast.effects import act, wait
from zookeeper_operator.ensemble.forecast.pods import run_statefulsets
from zookeeper_operator.ensemble.forecast.world import World, find_config, find_world
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import Plan, build_plan

MAX_RECONCILES: Final = 2000
"""Enough to add a hundred observers one by one; a plan that needs more does not end."""

Kind = Literal[
    "apply",
    "record",
    "remove",
    "restart",
    "hand over",
    "vote back",
    "join",
    "leave",
    "replace",
    "scale source",
    "await",
]
Outcome = Literal["settled", "waiting", "refused", "endless"]


@dataclass(frozen=True)
class Move:
    """One thing the operator does; `await` is what the cluster does between two of them.

    A `record` is an apply that only writes down who the members are now.

    `voters` and `observers` are those of the committed configuration afterwards, `then` what follows
    by itself. `disruptive` as the planner means it.
    """

    kind: Kind
    subject: str
    why: str = ""
    disruptive: bool = False
    voters: int = 0
    observers: int = 0
    then: tuple[str, ...] = ()


@dataclass(frozen=True)
class Forecast:
    """All that will happen, and how it ends.

    `says` is the planner's own last sentence: what it waits for, or why it refuses. `concerns` are what
    it reports as wrong in the state that is reached. `elections` counts changes of the leader, `begin` and
    `end` are the first and the last observation, `voters` and `observers` how many there are at first.
    """

    moves: tuple[Move, ...]
    outcome: Outcome
    says: str
    refusals: tuple[str, ...]
    elections: int
    voters: int
    observers: int
    begin: Observed
    end: Observed
    concerns: tuple[str, ...] = ()

    def of(self, *kinds: Kind) -> tuple[Move, ...]:
        """The moves of these kinds, in order."""
        return tuple(move for move in self.moves if move.kind in kinds)


def build_forecast(
    observed: Observed, *, before: Observed | None = None, limit: int = MAX_RECONCILES
) -> Forecast:
    """Carry out the planner's decisions until nothing is left to do or to wait for.

    Args:
        observed: One observation of the ensemble, with the spec that the question is about.
        before: The same observation with the live spec; it shows exactly which changes reach the
            pods. Without it, what the live StatefulSets hold is compared.
        limit: After so many reconciles the forecast ends with the outcome `endless`.

    Returns:
        The moves up to that point; refused if the spec cannot be acted on.
    """
    begin = world = find_world(observed, before or observed)
    moves: list[Move] = []
    for _ in range(limit):
        plan = build_plan(world.observed)
        if plan.problems or plan.quorum.contradiction is not None:
            return _end(plan, moves, begin, world)
        if plan.actions:
            world, taken = _carry_out(world, plan)
            moves += taken
            continue
        following = wait(world)
        if following.observed == world.observed:
            return _end(plan, moves, begin, world)
        moves = _add_news(moves, following.news)
        world = replace(following, news=())
    return replace(_end(build_plan(world.observed), moves, begin, world), outcome="endless")


def _end(plan: Plan, moves: Sequence[Move], begin: World, world: World) -> Forecast:
    verdicts = (plan.membership, plan.rollout, plan.storage)
    concerns = tuple(
        verdict.message
        for verdict in verdicts
        if verdict.state is False and verdict.reason != reasons.EPHEMERAL_STORAGE
    )
    outcome: Outcome = "settled" if plan.settled else "waiting"
    voters, observers = _sizes(begin)
    return Forecast(
        moves=tuple(moves),
        outcome="refused" if plan.problems else outcome,
        says=plan.next_action,
        refusals=tuple(problem.message for problem in plan.problems),
        elections=world.elections,
        voters=voters,
        observers=observers,
        begin=begin.observed,
        end=world.observed,
        concerns=concerns,
    )


def _sizes(world: World) -> tuple[int, int]:
    """How many voters and observers the configuration has."""
    config = find_config(world)
    return len(config.voters), sum(i >= names.FIRST_OBSERVER_ID for i in config.ids)


def _carry_out(world: World, plan: Plan) -> tuple[World, list[Move]]:
    """The world after a plan, and its moves: applies for one reason are one move."""
    moves: list[Move] = []
    for action in plan.actions:
        move = _move_of(action, world.observed)
        # Kubernetes is quicker than the next reconcile: the pods follow at once.
        world = run_statefulsets(act(world, action))
        voters, observers = _sizes(world)
        move = replace(move, disruptive=action.disruptive, voters=voters, observers=observers)
        move = _add_news([move], world.news)[0]
        world = replace(world, news=())
        same = next((m for m in moves if isinstance(action, Apply) and _is_one(m, move)), None)
        if same is None:
            moves.append(move)
        else:
            subject = f"{same.subject}, {move.subject}"
            joined = replace(same, subject=subject, then=(*same.then, *move.then))
            moves[moves.index(same)] = joined
    return world, moves


def _is_one(move: Move, other: Move) -> bool:
    return (move.kind, move.why) == (other.kind, other.why)


def _is_record(action: Apply, observed: Observed) -> bool:
    """Whether an apply only writes down who the members are, and changes no pod and no volume."""
    kind, name = action.body["kind"], action.body["metadata"]["name"]
    if kind == "PersistentVolumeClaim":
        claim = next((c for c in observed.claims if c.name == name), None)
        return claim is not None and requested_size(action.body) in {None, claim.requested}
    ensemble = observed.ensemble.name
    records = {names.membership_name(ensemble), names.connection_name(ensemble)}
    return name in records and observed.child(kind, name) is not None


def _move_of(action: Action, observed: Observed) -> Move:
    """One move for an action; the planner's words are kept."""
    ensemble, foreign = observed.ensemble.name, observed.ensemble.is_foreign
    match action:
        case Apply():
            kind: Kind = "record" if _is_record(action, observed) else "apply"
            body = action.body
            return Move(kind, f"{body['kind']} {body['metadata']['name']}", action.why)
        case Delete():
            return Move("remove", f"{action.kind} {action.name}", action.why)
        case RestartMember():
            return Move("restart", action.pod, action.why)
        case ReplaceMember():
            return Move("replace", names.member_name(ensemble, action.member_id), action.why)
        case ScaleSource():
            return Move("scale source", f"{action.namespace}/{action.name}", action.why)
        case WriteFence() | RecordAdoption():
            return Move("record", observed.ensemble.name, action.why)
        case Reconfigure():
            changed = [*(s.id for s in action.joining), *action.leaving]
            named = ", ".join(
                f"member {i} of the source" if foreign(i) else names.member_name(ensemble, i)
                for i in changed
            )
            return Move(_change_of(action), named, action.why)


def _change_of(action: Reconfigure) -> Kind:
    if action.leaving:
        return "leave"
    joining = action.joining[0]
    known = action.based_on.server(joining.id)
    if known is not None and known.role == "participant" and joining.role == "observer":
        return "hand over"
    return "join" if known is None else "vote back"


def _add_news(moves: list[Move], news: tuple[str, ...]) -> list[Move]:
    """Report what happened by itself with the move that caused it."""
    if not news:
        return moves
    if not moves:
        return [Move("await", "the cluster", then=news)]
    last = moves[-1]
    expected = f"{last.subject} starts" if last.kind in {"restart", "replace"} else ""
    unexpected = tuple(one for one in news if one != expected)
    return [*moves[:-1], replace(last, then=(*last.then, *unexpected))]

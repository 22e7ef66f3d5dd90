"""What the answers of all members say about the quorum, taken together.

A member's own answers are consistent in a split brain too; only comparing all of them shows it. Every
safety rule that other modules rely on is a property or a method of `Quorum`:

* *live* is a committed voter that serves, follows the agreed leader and shares its epoch;
* a leader is *agreed* only if exactly one serving member claims to lead and every serving member names
  it;
* while members contradict each other (`contradiction`), nothing may be changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from zookeeper_operator.api import reasons
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.servers import majority


@dataclass(frozen=True)
class Contradiction:
    """Members report things that cannot both be true."""

    reason: str
    message: str


@dataclass(frozen=True)
class Quorum:
    """The state of the quorum.

    `voters` are the committed voters as far as known. They are `certain` if they were read from the
    ensemble; otherwise they are the voting view of the leader, or else what the pods start from.
    """

    voters: frozenset[int]
    certain: bool
    serving: frozenset[int]
    live: frozenset[int]
    leader: int | None
    epoch: int | None
    contradiction: Contradiction | None = None

    @property
    def needed(self) -> int:
        """How many voters must be live for a write to be acknowledged."""
        return majority(len(self.voters))

    @property
    def tolerates(self) -> int:
        """How many more live voters may be lost; negative without a quorum."""
        return len(self.live) - self.needed

    @property
    def healthy(self) -> bool:
        """Whether writes are acknowledged and nobody contradicts anybody."""
        return (
            self.contradiction is None
            and self.leader is not None
            and bool(self.voters)
            and self.tolerates >= 0
        )

    @property
    def all_live(self) -> bool:
        """Whether the quorum is healthy and no committed voter is missing."""
        return self.healthy and self.live == self.voters

    def survives_without(self, member_id: int) -> bool:
        """Whether the other live voters are a majority of the committed ones."""
        return self.healthy and len(self.live - {member_id}) >= self.needed

    def in_sync(self, member_id: int, answers: Mapping[int, Answers]) -> bool:
        """Whether a member, voter or not, follows the agreed leader in its epoch."""
        answer = answers.get(member_id)
        return (
            self.healthy
            and answer is not None
            and answer.serving
            and answer.leader_id == self.leader
            and _same_epoch(answer, self.epoch)
        )


def _same_epoch(answer: Answers, epoch: int | None) -> bool:
    # After an election without writes the leader already shows the new epoch while synced followers
    # still show the last zxid of the old one (measured on 3.9.5), so a lower epoch proves nothing
    # against a member that is in broadcast; a higher one does.
    return answer.epoch is None or epoch is None or answer.epoch <= epoch


def find_contradiction(
    answers: Mapping[int, Answers], voters: frozenset[int]
) -> Contradiction | None:
    """Find two members that claim to lead, or voters that disagree on who votes."""
    serving = [a for a in answers.values() if a.serving]
    leaders = sorted(a.id for a in serving if a.is_leader)
    if len(leaders) > 1:
        return Contradiction(
            reasons.SPLIT_BRAIN,
            f"members {_listed(leaders)} claim to lead at the same time; nothing will be changed "
            "until a person has looked",
        )
    views: dict[frozenset[int], list[int]] = {}
    for answer in serving:
        if answer.id in voters and answer.voting_view is not None:
            views.setdefault(answer.voting_view, []).append(answer.id)
    if len(views) > 1:
        reported = "; ".join(
            f"{_listed(sorted(ids))} see voters {_listed(sorted(view))}"
            for view, ids in sorted(views.items(), key=lambda item: item[1])
        )
        return Contradiction(
            reasons.VOTING_VIEWS_DIFFER,
            f"members disagree on who may vote ({reported}); nothing will be changed meanwhile",
        )
    return None


def _listed(ids: list[int]) -> str:
    return ", ".join(map(str, ids)) or "none"


def judge_quorum(
    answers: Mapping[int, Answers],
    *,
    committed: frozenset[int] | None,
    published: frozenset[int],
) -> Quorum:
    """Judge the quorum from every member's answers.

    `committed` are the voters read from the ensemble itself (None: could not be read), `published` those
    the pods start from.
    """
    serving = [a for a in answers.values() if a.serving]
    claiming = [a for a in serving if a.is_leader]
    voters, certain = published, False
    if committed is not None:
        voters, certain = committed, True
    elif len(claiming) == 1 and claiming[0].voting_view:
        voters = claiming[0].voting_view
    contradiction = find_contradiction(answers, voters)
    leader: int | None = None
    epoch: int | None = None
    if len(claiming) == 1 and all(a.leader_id == claiming[0].id for a in serving):
        leader, epoch = claiming[0].id, claiming[0].epoch
    live = frozenset(
        a.id
        for a in serving
        if a.id in voters and leader is not None and a.leader_id == leader and _same_epoch(a, epoch)
    )
    return Quorum(
        voters=voters,
        certain=certain,
        serving=frozenset(a.id for a in serving),
        live=live,
        leader=leader,
        epoch=epoch,
        contradiction=contradiction,
    )

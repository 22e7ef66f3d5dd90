"""What the answers of all members say about the quorum, taken together.

A member's own answers are consistent in a split brain too; only comparing all of them shows it. Every
safety rule that other modules rely on is a property or a method of `Quorum`:

* *live* is a committed voter that serves, follows the agreed leader and shares its epoch, by its own answer;
* a leader is *agreed* only if it claims to lead and a majority of the voters names it, or if no voter names
  another one;
* while members contradict each other (`contradiction`), nothing may be changed.

Silence is neither: a voter that did not answer is not live, so nothing is decided in reliance on it, and it
is not `absent` either, so no alarm is raised. Only the answers of voters say who leads: an observer, or a
member that has lost its vote, may be late.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from zookeeper_operator.api import reasons
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.servers import majority


@dataclass(frozen=True)
class Contradiction:
    """Members report things that cannot both be true at one instant.

    Their answers are of different instants, and a leader that is cut off leads until ZooKeeper's own time is
    over, so it is a finding only when it has `lasted` longer than that. Nothing is changed before, either.
    """

    reason: str
    message: str
    lasted: bool = False


@dataclass(frozen=True)
class Quorum:
    """The state of the quorum.

    `voters` are the committed voters as far as known. They are `certain` if they were read from the
    ensemble; otherwise they are the voting view of the leader, or else what the pods start from. `absent`
    are the members that are known not to serve. `counted` is how many voters the leader itself counts as its
    own, it included: not the answer of each of them, and up to `syncLimit` ticks old, so more than have
    answered are reported and never relied on. `uncertain` are the members of which one may have got or lost
    its vote since the voters were read, by a reconfiguration whose answer was not seen.
    """

    voters: frozenset[int]
    certain: bool
    serving: frozenset[int]
    live: frozenset[int]
    leader: int | None
    epoch: int | None
    contradiction: Contradiction | None = None
    absent: frozenset[int] = frozenset()
    counted: int | None = None
    uncertain: frozenset[int] = frozenset()

    @property
    def needed(self) -> int:
        """How many voters must be live for a write to be acknowledged."""
        return majority(len(self.voters))

    @property
    def tolerates(self) -> int:
        """How many more live voters may be lost; negative without a quorum."""
        return len(self.live) - self.needed

    @property
    def disputed(self) -> bool:
        """Whether members contradict each other for longer than ZooKeeper takes to resolve it."""
        return self.contradiction is not None and self.contradiction.lasted

    @property
    def healthy(self) -> bool:
        """Whether writes are acknowledged, by the answers of a majority, and no member contradicts another.

        This is what decisions rely on; what is reported about the quorum is `plan.availability`.
        """
        return (
            self.contradiction is None
            and self.leader is not None
            and bool(self.voters)
            and self.tolerates >= 0
        )

    @property
    def silent(self) -> frozenset[int]:
        """The voters of which nothing is known: they may serve."""
        return self.voters - self.serving - self.absent

    @property
    def may_serve(self) -> bool:
        """Whether a majority serves, or may serve for all that is known."""
        possible = (self.voters, *(self.voters ^ {member} for member in self.uncertain))
        return any(len(voters - self.absent) >= majority(len(voters)) for voters in possible)

    @property
    def followed(self) -> int:
        """How many voters follow the leader, it included, by their answers or by its own count."""
        return max(self.counted or 0, len(self.live))

    @property
    def uncounted(self) -> int:
        """How many voters say that they follow a leader that has given them up.

        One that was frozen, or is cut off, says so until it notices; the leader does not name those that it
        counts.
        """
        return 0 if self.counted is None else max(len(self.live) - self.counted, 0)

    @property
    def all_live(self) -> bool:
        """Whether the quorum is healthy and no committed voter is missing."""
        return self.healthy and self.live == self.voters and not self.uncounted

    @property
    def missing(self) -> str:
        """Who keeps the voters from being all live, as words for a sentence; empty if nobody does."""
        if missing := self.voters - self.live:
            return f"member {_listed(sorted(missing))}"
        if self.uncounted:
            return f"a member that leader {self.leader} has lost and that has not noticed"
        return ""

    def survives_without(self, member_id: int) -> bool:
        """Whether the other live voters are a majority of the committed ones."""
        return self.healthy and len(self.live - {member_id}) - self.uncounted >= self.needed

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


def judge_quorum(
    answers: Mapping[int, Answers],
    *,
    committed: frozenset[int] | None,
    published: frozenset[int],
    absent: frozenset[int] = frozenset(),
    lasted: bool = False,
    changing: frozenset[int] = frozenset(),
) -> Quorum:
    """Judge the quorum from every member's answers.

    `committed` are the voters read from the ensemble itself (None: could not be read), `published` those
    the pods start from; `absent` are members that are known not to serve; `lasted` says that members have
    contradicted each other for longer than ZooKeeper takes to resolve it; `changing` are the members that
    get or lose a vote, which matters while the committed voters could not be read.
    """
    serving = {a.id: a for a in answers.values() if a.serving}
    voters = _find_voters(serving, committed, published)
    voting = [a for a in serving.values() if a.id in voters]
    leader = _find_leader(voting, majority(len(voters)))
    epoch = serving[leader].epoch if leader is not None else None
    live = frozenset(
        a.id
        for a in voting
        if leader is not None and a.leader_id == leader and _same_epoch(a, epoch)
    )
    counted = None if leader is None else _count_followed(serving[leader])
    left_behind = _find_left_behind(answers, voters, live, leader, counted)
    return Quorum(
        voters=voters,
        certain=committed is not None,
        serving=frozenset(serving),
        live=live,
        leader=leader,
        epoch=epoch,
        contradiction=_find_contradiction(voting, leader, lasted=lasted),
        absent=(absent | left_behind) - frozenset(serving),
        counted=counted,
        uncertain=frozenset() if committed is not None else changing,
    )


def _find_voters(
    serving: Mapping[int, Answers], committed: frozenset[int] | None, published: frozenset[int]
) -> frozenset[int]:
    if committed is not None:
        return committed
    views = [a.voting_view for a in serving.values() if a.is_leader and a.voting_view]
    return views[0] if len(views) == 1 else published


def _find_leader(voting: Iterable[Answers], needed: int) -> int | None:
    """The voter that claims to lead, and that a majority names, or that at least no voter denies."""
    named = [a.leader_id for a in voting]
    claiming = [a.id for a in voting if a.is_leader]
    followed = [i for i in claiming if named.count(i) >= needed]
    if followed:
        return followed[0]
    return claiming[0] if len(claiming) == 1 and set(named) == {claiming[0]} else None


def _count_followed(leader: Answers) -> int | None:
    """How many voters follow a leader by its own count, it included; None if it does not say."""
    if leader.synced_followers is None or leader.synced_non_voting_followers is None:
        return None
    return 1 + leader.synced_followers - leader.synced_non_voting_followers


def _find_left_behind(
    answers: Mapping[int, Answers],
    voters: frozenset[int],
    live: frozenset[int],
    leader: int | None,
    counted: int | None,
) -> frozenset[int]:
    """The silent members that do not follow the leader by its own count.

    A leader counts who follows it and does not name them. Where all that it counts have answered, those that
    have not are the ones it has lost. One that has lost a majority proves nothing: the others may follow
    another leader, and it has yet to notice.
    """
    if leader is None or counted is None or counted < majority(len(voters)):
        return frozenset()
    said = answers[leader]
    silent = (voters | frozenset(answers)) - {a.id for a in answers.values() if a.serving}
    found: frozenset[int] = frozenset()
    if counted == len(live):
        found |= silent & voters
    if said.synced_observers is not None and said.synced_non_voting_followers is not None:
        others = sum(
            a.serving and a.leader_id == leader and a.id not in voters for a in answers.values()
        )
        if said.synced_observers + said.synced_non_voting_followers == others:
            found |= silent - voters
    return found


def _find_contradiction(
    voting: Iterable[Answers], leader: int | None, *, lasted: bool
) -> Contradiction | None:
    """Find two voters that claim to lead, or that disagree on who votes."""
    leaders = sorted(a.id for a in voting if a.is_leader)
    if len(leaders) > 1:
        return Contradiction(
            reasons.SPLIT_BRAIN,
            f"members {_listed(leaders)} claim to lead at the same time; nothing is changed until only "
            "one of them does",
            lasted=lasted,
        )
    views: dict[frozenset[int], list[int]] = {}
    for answer in voting:
        if answer.voting_view is not None and leader in {None, answer.leader_id}:
            views.setdefault(answer.voting_view, []).append(answer.id)
    if len(views) > 1:
        reported = "; ".join(
            f"{_listed(sorted(ids))} see voters {_listed(sorted(view))}"
            for view, ids in sorted(views.items(), key=lambda item: item[1])
        )
        return Contradiction(
            reasons.VOTING_VIEWS_DIFFER,
            f"members disagree on who may vote ({reported}); nothing is changed meanwhile",
            lasted=lasted,
        )
    return None


def _listed(ids: list[int]) -> str:
    return ", ".join(map(str, ids)) or "none"

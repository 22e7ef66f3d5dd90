"""What the answers of all members say about the quorum."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.judge.quorum import Quorum, judge_quorum
from zookeeper_operator.zookeeper.answers import Answers

THREE = frozenset({1, 2, 3})


def member(
    member_id: int, leader: int | None = 3, *, epoch: int = 2, view: frozenset[int] | None = THREE
) -> Answers:
    leads = member_id == leader
    return Answers(
        id=member_id,
        reachable=True,
        leader_id=leader,
        is_leader=leads,
        server_state="leader" if leads else "follower",
        peer_state=f"{'leading' if leads else 'following'} - broadcast",
        zxid=(epoch << 32) + 7,
        voting_view=view,
    )


def judged(*answers: Answers, committed: frozenset[int] | None = THREE) -> Quorum:
    return judge_quorum({a.id: a for a in answers}, committed=committed, published=THREE)


def test_all_members_in_broadcast_under_one_leader_are_live() -> None:
    quorum = judged(member(1), member(2), member(3))
    assert (quorum.leader, quorum.epoch) == (3, 2)
    assert quorum.all_live
    assert quorum.tolerates == 1


def test_a_member_that_does_not_answer_is_not_live_but_the_rest_is_a_quorum() -> None:
    quorum = judged(member(1), Answers(2, reachable=False), member(3))
    assert quorum.healthy
    assert not quorum.all_live
    assert quorum.live == {1, 3}
    assert not quorum.survives_without(1)


@pytest.mark.parametrize(
    "answer",
    [
        replace(member(1), problem="not currently serving requests"),
        replace(member(1), peer_state="following - synchronization - diff"),
        replace(member(1), leader_id=None),
    ],
)
def test_who_does_not_follow_the_leader_in_broadcast_is_not_live(answer: Answers) -> None:
    assert 1 not in judged(answer, member(2), member(3)).live


def test_two_leaders_are_a_split_brain_and_nothing_is_changed() -> None:
    quorum = judged(member(1, leader=1, epoch=3), member(2, leader=2, epoch=3), member(3, leader=3))
    assert quorum.contradiction is not None
    assert quorum.contradiction.reason == reasons.SPLIT_BRAIN
    assert quorum.leader is None
    assert not quorum.healthy


def test_a_leader_that_was_cut_off_is_disputed_only_when_it_lasts() -> None:
    cut_off = member(3, leader=3, epoch=2)
    said = {a.id: a for a in (member(1, leader=1, epoch=3), member(2, leader=1, epoch=3), cut_off)}
    for lasted in (False, True):
        quorum = judge_quorum(said, committed=THREE, published=THREE, lasted=lasted)
        assert quorum.leader == 1, "a majority names it"
        assert quorum.live == {1, 2}
        assert quorum.disputed is lasted
        assert not quorum.healthy, "and nothing is changed in either case"


def test_an_observer_that_is_late_has_no_say_in_who_leads() -> None:
    late = replace(member(101, leader=1), server_state="observer")
    quorum = judged(member(1), member(2), member(3), late)
    assert quorum.all_live
    assert not quorum.in_sync(101, {101: late})


def counting(leader: Answers, *, followers: int, others: int = 0) -> Answers:
    """A leader that says how many followers it has in sync, and how many observers."""
    return replace(
        leader,
        synced_followers=followers,
        synced_non_voting_followers=0,
        synced_observers=others,
    )


def test_a_leader_vouches_for_voters_that_do_not_answer() -> None:
    silent = (Answers(1, reachable=False), Answers(2, reachable=False))
    quorum = judged(*silent, counting(member(3), followers=2))
    assert quorum.followed == 3
    assert quorum.silent == {1, 2}
    assert quorum.absent == frozenset()
    assert quorum.live == {3}, "what is decided rests on members' own answers"
    assert not quorum.healthy


def test_whom_the_leader_no_longer_counts_is_absent() -> None:
    frozen, observer = Answers(1, reachable=False), Answers(101, reachable=False)
    quorum = judged(frozen, member(2), counting(member(3), followers=1), observer)
    assert quorum.absent == {1, 101}
    both = judged(frozen, Answers(2, reachable=False), counting(member(3), followers=1))
    assert both.absent == frozenset(), "it counts one of them and does not say which"
    assert judged(frozen, member(2), member(3)).absent == frozenset(), "it has not said"


def test_a_leader_that_has_lost_its_majority_proves_nothing_of_the_others() -> None:
    """It was frozen and has not noticed that they follow another one."""
    silent = (Answers(1, reachable=False), Answers(2, reachable=False))
    quorum = judged(*silent, counting(member(3), followers=0), Answers(101, reachable=False))
    assert quorum.absent == frozenset()
    assert quorum.may_serve


def test_who_follows_a_leader_that_has_given_it_up_is_not_relied_on() -> None:
    """It was frozen or cut off, and has not noticed; the leader counts one, and does not say which."""
    quorum = judged(member(1), member(2), counting(member(3), followers=1))
    assert quorum.healthy, "the leader and the one that it counts are a majority"
    assert quorum.uncounted == 1
    assert not quorum.all_live
    assert quorum.missing == "a member that leader 3 has lost and that has not noticed"
    assert not quorum.survives_without(1)
    assert judged(member(1), member(2), counting(member(3), followers=2)).all_live
    assert judged(member(1), member(2), member(3)).all_live, "a leader that does not say how many"


def test_members_that_name_different_leaders_have_agreed_on_none() -> None:
    assert judged(member(1, leader=2), member(3)).leader is None


def test_voters_that_disagree_on_who_votes_are_a_contradiction() -> None:
    quorum = judged(member(1, view=frozenset({1, 2, 3, 4})), member(2), member(3))
    assert quorum.contradiction is not None
    assert quorum.contradiction.reason == reasons.VOTING_VIEWS_DIFFER
    assert "1 see voters 1, 2, 3, 4" in quorum.contradiction.message


def test_a_non_voter_is_in_sync_but_not_live() -> None:
    answers = {a.id: a for a in (member(1), member(2), member(3), member(4))}
    quorum = judge_quorum(answers, committed=THREE, published=THREE)
    assert quorum.live == THREE
    assert quorum.in_sync(4, answers)


def test_followers_that_still_show_the_old_epoch_after_an_election_are_live() -> None:
    quorum = judged(member(1, epoch=1), member(2, epoch=1), member(3, epoch=2))
    assert quorum.all_live


def test_a_follower_ahead_of_its_leader_is_not_trusted() -> None:
    assert 1 not in judged(member(1, epoch=9), member(2), member(3)).live


def test_without_a_configuration_the_leaders_view_tells_who_votes() -> None:
    quorum = judged(member(1), member(2), member(3), committed=None)
    assert quorum.voters == THREE
    assert not quorum.certain


answers = st.builds(
    Answers,
    id=st.just(0),
    reachable=st.booleans(),
    problem=st.sampled_from([None, None, "not serving"]),
    leader_id=st.sampled_from([None, 1, 2, 3]),
    is_leader=st.booleans(),
    peer_state=st.sampled_from(["leading - broadcast", "following - broadcast", ""]),
    zxid=st.integers(0, 3).map(lambda epoch: epoch << 32),
    voting_view=st.sampled_from([None, THREE, frozenset({1, 2})]),
)


@given(st.tuples(answers, answers, answers))
def test_whatever_members_say_the_judgement_keeps_its_promises(
    told: tuple[Answers, Answers, Answers],
) -> None:
    said = {i: replace(a, id=i) for i, a in enumerate(told, start=1)}
    quorum = judge_quorum(said, committed=THREE, published=THREE)
    assert quorum.live <= quorum.voters & quorum.serving
    if quorum.leader is not None:
        assert said[quorum.leader].is_leader
        naming = [i for i in quorum.serving if said[i].leader_id == quorum.leader]
        assert len(naming) >= 2 or set(naming) == quorum.serving
    if quorum.healthy:
        assert len(quorum.live) >= 2
        assert quorum.contradiction is None

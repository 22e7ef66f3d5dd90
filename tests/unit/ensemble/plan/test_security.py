"""TLS turned on and off under an ensemble that serves, as the planner does it step by step."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from tests.unit.ensemble.plan.ensemble_under_test import FRESH_KEYS, EnsembleUnderTest
from tests.unit.ensemble.plan.promises import running_phases
from tests.unit.ensemble.plan.scenes import NOW, at_rest, disruptive, edited
from tests.unit.ensemble.security.secrets import SOURCE, source_secret, source_secret_leaf

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.certificates.certificate import Certificate
from zookeeper_operator.certificates.fresh import fresh_private_key
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Apply, RestartMember
from zookeeper_operator.ensemble.forecast.forecast import build_forecast
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import Plan, build_plan
from zookeeper_operator.ensemble.report.conditions import build_conditions
from zookeeper_operator.ensemble.report.status import build_status
from zookeeper_operator.ensemble.security.phase import Phase
from zookeeper_operator.ensemble.security.readiness import secure_access
from zookeeper_operator.zookeeper.served import Handshake

ON: dict[str, Any] = {"tls": {}}
OFF: dict[str, Any] = {"tls": None}
FORWARDS = ["q0,c0,a0", "q1,c1,a0", "q2,c1,a0", "q3,c1,a0"]
BACKWARDS = ["q3,c1,a0", "q2,c0,a0", "q1,c0,a0", "q0,c0,a0"]


def phases(ensemble: EnsembleUnderTest) -> tuple[str, ...]:
    return tuple(phase.text for _, phase in sorted(running_phases(ensemble.world).items()))


def walk(ensemble: EnsembleUnderTest, until: Callable[[], bool] | None = None) -> list[str]:
    """Every phase that all members have had, in order; until nothing is left to do, or a point is reached."""
    seen: list[str] = []
    for _ in range(300):
        now = set(phases(ensemble))
        if len(now) == 1 and (not seen or seen[-1] != min(now)):
            seen.append(min(now))
        plan = ensemble.plan()
        if until is not None and until():
            return seen
        ensemble.carry_out(plan)
        ensemble.tick()
        if plan.settled and until is None:
            return seen
    raise AssertionError(f"it does not end: {plan.next_action}")


def secured(replicas: int = 3) -> EnsembleUnderTest:
    """An ensemble that was founded with TLS and serves."""
    ensemble = EnsembleUnderTest({"replicas": replicas, "allowEvenReplicas": True, **ON})
    ensemble.rest()
    return ensemble


def condition(plan: Plan) -> tuple[str, str]:
    found = next(c for c in build_conditions(plan) if c.type == conditions.SECURED)
    return found.status, found.reason


@pytest.mark.parametrize("replicas", [1, 2, 3, 5])
def test_tls_is_turned_on_and_off_one_phase_at_a_time(replicas: int) -> None:
    ensemble = EnsembleUnderTest.at_rest(replicas)
    ensemble.edit(ON)
    assert walk(ensemble) == FORWARDS
    assert condition(ensemble.plan()) == ("True", reasons.SECURED)
    status = build_status(ensemble.plan(), restarted={})
    assert status["security"]["quorum"] == "Secured"
    assert {m["security"]["phase"] for m in status["members"]} == {"q3,c1,a0"}
    ensemble.edit(OFF)
    assert walk(ensemble) == BACKWARDS
    status = build_status(ensemble.plan(), restarted={})
    assert "security" not in status
    assert conditions.SECURED not in {c["type"] for c in status["conditions"]}


def test_each_step_says_what_it_does_and_why_a_member_is_restarted() -> None:
    ensemble = EnsembleUnderTest.at_rest(3)
    ensemble.edit(ON)
    moves = build_forecast(ensemble.world.observed)
    assert moves.outcome == "settled"
    restarts = [move.why for move in moves.of("restart")]
    assert restarts == [
        *["TLS of the quorum goes from phase 0 to 1 of 3"] * 3,
        *["TLS of the quorum goes from phase 1 to 2 of 3"] * 3,
        *["TLS of the quorum goes from phase 2 to 3 of 3"] * 3,
    ]
    assert len(moves.of("hand over")) == 3


def test_what_is_off_takes_no_part() -> None:
    ensemble = EnsembleUnderTest.at_rest(3)
    ensemble.edit({"tls": {"quorum": "Disabled"}})
    assert walk(ensemble) == ["q0,c0,a0", "q0,c1,a0"]
    ensemble.edit({"tls": {"quorum": "Enabled", "clients": "Disabled"}})
    assert walk(ensemble)[-1] == "q3,c0,a0"


def test_a_new_ensemble_is_founded_at_its_goal() -> None:
    ensemble = secured()
    assert set(phases(ensemble)) == {"q3,c1,a0"}
    assert ensemble.world.elections == 1


@pytest.mark.parametrize("half_way", FORWARDS[1:3])
def test_a_change_of_mind_goes_back_from_where_it_is(half_way: str) -> None:
    ensemble = EnsembleUnderTest.at_rest(3)
    ensemble.edit(ON)
    walk(ensemble, lambda: half_way in phases(ensemble))
    ensemble.edit(OFF)
    assert walk(ensemble)[-1] == "q0,c0,a0"
    ensemble.edit(ON)
    walk(ensemble, lambda: half_way in phases(ensemble))
    ensemble.edit(OFF)
    ensemble.run(passes=1)
    ensemble.edit(ON)
    assert walk(ensemble)[-1] == "q3,c1,a0"


def test_no_step_is_taken_while_a_member_has_no_pod() -> None:
    """It may run on a node that has been cut off, in the phase before."""
    ensemble = EnsembleUnderTest.at_rest(3)
    ensemble.edit(ON)
    walk(ensemble, lambda: set(phases(ensemble)) == {"q1,c1,a0"})
    ensemble.world = ensemble.world.with_observed(
        pods=tuple(p for p in ensemble.world.observed.pods if p.id != 2)
    )
    plan = ensemble.plan()
    assert plan.situation.walk.target == Phase(1, 1)
    assert "member 2 has no pod" in plan.security.message
    assert not [a for a in plan.actions if isinstance(a, Apply) and a.body["kind"] == "StatefulSet"]


def test_no_member_dials_by_tls_before_every_one_serves_the_certificate() -> None:
    ensemble = EnsembleUnderTest.at_rest(3)
    ensemble.edit(ON)
    done = Phase(1, 1)
    walk(
        ensemble,
        lambda: (
            ensemble.plan().situation.walk.reached == done
            and ensemble.plan().situation.walk.target != done
        ),
    )
    shown = dict(ensemble.world.observed.handshakes)
    del shown[3]
    ensemble.world = ensemble.world.with_observed(handshakes=shown)
    plan = ensemble.plan()
    assert plan.situation.walk.target == done
    assert condition(plan) == ("False", reasons.ENABLING_TLS)
    assert "member 3 does not serve the new certificate" in plan.security.message


def test_a_stopped_ensemble_starts_at_its_goal() -> None:
    ensemble = EnsembleUnderTest.at_rest(3)
    ensemble.edit({"stopped": True})
    ensemble.rest()
    ensemble.edit({"stopped": False, **ON})
    ensemble.rest()
    assert set(phases(ensemble)) == {"q3,c1,a0"}
    ensemble.edit({"stopped": True})
    ensemble.rest()
    ensemble.edit({"stopped": False, **OFF})
    ensemble.rest()
    assert set(phases(ensemble)) == {"q0,c0,a0"}


def test_a_member_that_is_added_on_the_way_starts_in_the_phase_of_the_others() -> None:
    ensemble = EnsembleUnderTest.at_rest(3)
    ensemble.edit({**ON, "replicas": 5, "observers": {"replicas": 2}})
    assert walk(ensemble)[-1] == "q3,c1,a0"
    assert len(phases(ensemble)) == 7


def test_an_unreadable_phase_stops_every_step() -> None:
    ensemble = secured()
    pods = tuple(
        replace(p, template={**p.template, "zookeeper.ensemble.dev/security": "q9"})
        for p in ensemble.world.observed.pods
    )
    ensemble.world = ensemble.world.with_observed(pods=pods)
    ensemble.edit(OFF)
    plan = ensemble.plan()
    assert plan.situation.walk.target == Phase(3, 1)
    assert "cannot be read" in plan.security.message


# ---- sources ----


def content(ensemble: EnsembleUnderTest) -> dict[str, str]:
    found = ensemble.child("Secret", "zk-tls")
    assert found is not None
    data: dict[str, str] = found["data"]
    return data


def with_source(observed: Observed, name: str | None = "good") -> Observed:
    source = None if name is None else source_secret(name, NOW)
    return replace(observed, tls_source=source, fresh_keys=FRESH_KEYS)


@pytest.mark.parametrize(
    ("kind", "reason", "said"),
    [
        (None, reasons.CERTIFICATE_MISSING, "Secret my-tls, which does not exist"),
        ("expired", reasons.CERTIFICATE_INVALID, "tls.crt: the certificate of CN=zk has expired"),
        ("other key", reasons.CERTIFICATE_INVALID, "tls.key: it does not belong"),
        ("other ca", reasons.CERTIFICATE_INVALID, "tls.crt: no CA in ca.crt has issued it"),
        ("no ca", reasons.CERTIFICATE_INVALID, "ca.crt"),
    ],
)
def test_a_bad_source_is_refused_before_any_pod_changes(
    kind: str | None, reason: str, said: str
) -> None:
    scene = with_source(edited(at_rest(3), {"tls": SOURCE}), kind)
    plan = build_plan(scene)
    assert not plan.actions
    assert condition(plan) == ("False", reason)
    assert said in plan.security.message
    ready = next(c for c in build_conditions(plan) if c.type == conditions.READY)
    assert (ready.status, ready.reason) == ("True", reason)


def test_a_new_ensemble_waits_for_its_certificate() -> None:
    """It is not founded without the TLS that it asks for."""
    ensemble = EnsembleUnderTest({"replicas": 3, "tls": SOURCE})
    ensemble.run(passes=5)
    assert not ensemble.pods
    plan = ensemble.plan()
    assert not plan.settled
    ready = next(c for c in build_conditions(plan) if c.type == conditions.READY)
    assert (ready.status, ready.reason) == ("False", reasons.CERTIFICATE_MISSING)
    ensemble.world = ensemble.world.with_observed(tls_source=source_secret("good", NOW))
    ensemble.rest()
    assert set(phases(ensemble)) == {"q3,c1,a0"}


def test_a_source_that_turns_bad_leaves_the_members_their_certificate() -> None:
    ensemble = EnsembleUnderTest({"replicas": 3, "tls": SOURCE})
    ensemble.world = ensemble.world.with_observed(tls_source=source_secret("good", NOW))
    ensemble.rest()
    before = ensemble.child("Secret", "zk-tls")
    ensemble.world = ensemble.world.with_observed(tls_source=source_secret("other key", NOW))
    plan = ensemble.plan()
    assert not plan.actions
    assert condition(plan) == ("False", reasons.CERTIFICATE_INVALID)
    assert plan.security.message.endswith("; the members keep the certificate they have")
    assert ensemble.child("Secret", "zk-tls") == before


def test_another_ca_is_taken_over_in_confirmed_stages_without_a_restart() -> None:
    ensemble = EnsembleUnderTest({"replicas": 3, "tls": SOURCE})
    ensemble.world = ensemble.world.with_observed(tls_source=source_secret("good", NOW))
    ensemble.rest()
    pods = ensemble.pods
    ensemble.world = ensemble.world.with_observed(tls_source=source_secret("new ca", NOW))
    contents: list[Any] = [content(ensemble)]
    for _ in range(20):
        plan = ensemble.plan()
        assert not disruptive(plan.actions)
        ensemble.carry_out(plan)
        if contents[-1] != content(ensemble):
            contents.append(content(ensemble))
        ensemble.tick()
    assert ensemble.pods == pods
    assert len(contents) == 4, "as it was, both CAs, the new certificate, the new CA"
    for before, after in pairwise(contents):
        changed = {key for key in after if before[key] != after[key]}
        assert len(changed) == 1, "the stores never change at the same moment"
    assert condition(ensemble.plan()) == ("True", reasons.SECURED)


def test_a_certificate_of_the_operator_is_renewed_without_a_restart() -> None:
    ensemble = secured()
    pods, before = ensemble.pods, ensemble.child("Secret", "zk-tls")
    later = NOW + timedelta(days=61)
    ensemble.world = ensemble.world.with_observed(now=later, fresh_keys=FRESH_KEYS[::-1])
    for _ in range(10):
        plan = ensemble.plan()
        assert not disruptive(plan.actions)
        ensemble.carry_out(plan)
        ensemble.tick()
    after = ensemble.child("Secret", "zk-tls")
    assert before is not None
    assert after is not None
    assert before["data"]["keystore.pem"] != after["data"]["keystore.pem"]
    assert before["data"]["truststore.p12"] == after["data"]["truststore.p12"]
    assert ensemble.pods == pods


def test_no_member_is_restarted_with_a_certificate_that_has_ended() -> None:
    ensemble = EnsembleUnderTest({"replicas": 3, "tls": SOURCE})
    ensemble.world = ensemble.world.with_observed(tls_source=source_secret("good", NOW))
    ensemble.rest()
    ensemble.world = ensemble.world.with_observed(now=NOW + timedelta(days=91))
    ensemble.roll()
    for _ in range(5):
        plan = ensemble.plan()
        assert not [a for a in plan.actions if isinstance(a, RestartMember)]
        ensemble.carry_out(plan)
        ensemble.tick()
    assert condition(plan) == ("False", reasons.CERTIFICATE_EXPIRING)
    assert "has expired" in plan.security.message
    assert "is not restarted" in plan.rollout.message


def test_no_member_is_restarted_without_the_secret_that_it_mounts() -> None:
    """Its source is gone as well: the operator cannot write it again."""
    ensemble = EnsembleUnderTest({"replicas": 3, "tls": SOURCE})
    ensemble.world = ensemble.world.with_observed(tls_source=source_secret("good", NOW))
    ensemble.rest()
    left = tuple(c for c in ensemble.world.observed.children if c["metadata"]["name"] != "zk-tls")
    ensemble.world = ensemble.world.with_observed(children=left, tls_source=None)
    ensemble.roll()
    for _ in range(5):
        plan = ensemble.plan()
        assert not disruptive(plan.actions)
        ensemble.carry_out(plan)
        ensemble.tick()
    assert "Secret zk-tls, which it mounts, is missing" in plan.rollout.message
    assert condition(plan) == ("False", reasons.CERTIFICATE_MISSING)


def of_secret(kind: str = "good", **spec: Any) -> EnsembleUnderTest:
    """An ensemble that was founded with the certificate of a Secret, and serves."""
    ensemble = EnsembleUnderTest({"replicas": 3, "tls": {**SOURCE, **spec}})
    ensemble.world = ensemble.world.with_observed(tls_source=source_secret(kind, NOW))
    ensemble.rest()
    return ensemble


def serving(ensemble: EnsembleUnderTest, leaf: Certificate, *member_ids: int) -> None:
    """Some members serve another certificate than the one they were given."""
    shown = {i: dict.fromkeys((3888, 2281), Handshake(leaf)) for i in member_ids}
    handshakes = {**ensemble.world.observed.handshakes, **shown}
    ensemble.world = ensemble.world.with_observed(handshakes=handshakes)


def leaf_of(ensemble: EnsembleUnderTest) -> Certificate:
    leaf = ensemble.plan().situation.certificates.leaf
    assert leaf is not None
    return leaf


@pytest.mark.parametrize("lost", ["the CA and all that was made of it", "time"])
def test_no_member_is_restarted_before_the_others_serve_what_it_accepts(lost: str) -> None:
    """It would come up with the new certificate at once; the kubelets of the others take a minute."""
    ensemble = secured()
    before = leaf_of(ensemble)
    if lost == "time":  # the operator was away for longer than the certificate was valid
        now = NOW + timedelta(days=91)
        ensemble.world = ensemble.world.with_observed(now=now, fresh_keys=FRESH_KEYS[::-1])
    else:
        children = tuple(
            c
            for c in ensemble.world.observed.children
            if c["metadata"]["name"] not in ("zk-ca", "zk-tls")
        )
        keys = (fresh_private_key(), fresh_private_key())
        ensemble.world = ensemble.world.with_observed(children=children, fresh_keys=keys)
    ensemble.roll()
    for late in ((1, 2, 3), (1, 2)):
        for _ in range(3):
            plan = ensemble.plan()
            assert not disruptive(plan.actions)
            ensemble.carry_out(plan)
            ensemble.tick()
            assert leaf_of(ensemble) != before
            serving(ensemble, before, *late)
    plan = ensemble.plan()
    assert plan.rollout.reason == reasons.ROTATING_CERTIFICATES
    assert "member 1, 2 still serves" in plan.rollout.message
    serving(ensemble, before, 2)
    serving(ensemble, leaf_of(ensemble), 1)
    restarted = [a for a in ensemble.plan().actions if isinstance(a, RestartMember)]
    assert [a.member_id for a in restarted] == [2], "with it no other one is left that is refused"


def test_a_certificate_that_ends_in_a_pause_is_reported() -> None:
    ensemble = secured()
    ensemble.edit({"paused": True})
    for days, said in ((84, "is not renewed until the pause ends"), (91, "has expired")):
        now = NOW + timedelta(days=days)
        ensemble.world = ensemble.world.with_observed(now=now, fresh_keys=FRESH_KEYS[::-1])
        plan = ensemble.plan()
        assert condition(plan) == ("False", reasons.CERTIFICATE_EXPIRING)
        assert said in plan.security.message
    ensemble.edit({"paused": False})
    ensemble.rest()
    assert condition(ensemble.plan()) == ("True", reasons.SECURED)


def test_a_certificate_that_the_operator_renews_late_is_no_alarm() -> None:
    """It is renewed a day before its end: the spec asks for that."""
    tls = {"source": {"operatorCA": {"renewBefore": "24h"}}}
    ensemble = EnsembleUnderTest({"replicas": 3, "tls": tls})
    ensemble.rest()
    ensemble.world = ensemble.world.with_observed(now=NOW + timedelta(days=85))
    assert condition(ensemble.plan()) == ("True", reasons.SECURED)


def test_the_end_of_the_certificate_is_reported_with_what_is_wrong_with_its_source() -> None:
    ensemble = of_secret()
    now = NOW + timedelta(days=91)
    ensemble.world = ensemble.world.with_observed(now=now, tls_source=None)
    plan = ensemble.plan()
    assert condition(plan) == ("False", reasons.CERTIFICATE_MISSING)
    assert "they have, which ended at 2026-" in plan.security.message


def test_names_are_not_checked_before_the_certificate_has_them() -> None:
    ensemble = of_secret()
    ensemble.edit({"tls": {**SOURCE, "verifyPeerNames": True}})
    before = ensemble.child("StatefulSet", "zk")
    plan = ensemble.plan()
    assert not plan.actions
    assert "does not name zk-1.demo.svc.cluster.local" in plan.problems[0].message
    ensemble.run(passes=3)
    assert ensemble.child("StatefulSet", "zk") == before
    ensemble.world = ensemble.world.with_observed(tls_source=source_secret("named", NOW))
    ensemble.rest()
    assert ensemble.child("StatefulSet", "zk") != before
    assert condition(ensemble.plan()) == ("True", reasons.SECURED)


def test_no_member_is_added_whose_name_the_others_would_not_find() -> None:
    ensemble = of_secret("named", verifyPeerNames=True)
    ensemble.edit({"replicas": 5})
    for _ in range(5):
        plan = ensemble.plan()
        assert "does not name zk-4.demo.svc.cluster.local" in plan.problems[0].message
        ensemble.carry_out(plan)
        ensemble.tick()
    assert set(ensemble.pods) == {1, 2, 3}


def test_what_an_earlier_source_has_left_is_no_certificate_to_begin_with() -> None:
    ensemble = secured()
    ensemble.edit(OFF)
    ensemble.rest()
    assert ensemble.child("Secret", "zk-tls") is not None
    ensemble.edit({"tls": SOURCE})
    ensemble.run(passes=5)
    assert set(phases(ensemble)) == {"q0,c0,a0"}
    assert condition(ensemble.plan()) == ("False", reasons.CERTIFICATE_MISSING)


def test_an_old_ca_of_the_operator_is_not_taken_when_tls_is_left() -> None:
    """Clients that have to use TLS until the plain port is open know the CA of the Secret."""
    ensemble = secured()
    ensemble.edit({"tls": {**SOURCE, "clients": "Required"}})
    ensemble.world = ensemble.world.with_observed(tls_source=source_secret("good", NOW))
    ensemble.rest()
    before = content(ensemble)
    ensemble.edit(OFF)
    ensemble.world = ensemble.world.with_observed(tls_source=None)
    while phases(ensemble)[0] != "q0,c0,a0":
        assert content(ensemble) == before
        ensemble.run(passes=1)


def test_a_member_whose_phase_cannot_be_read_has_confirmed_no_ca() -> None:
    ensemble = of_secret()
    pods = tuple(
        replace(p, template={**p.template, "zookeeper.ensemble.dev/security": "q9"})
        if p.id == 3
        else p
        for p in ensemble.world.observed.pods
    )
    ensemble.world = ensemble.world.with_observed(pods=pods)
    ensemble.world = ensemble.world.with_observed(tls_source=source_secret("new ca", NOW))
    key = content(ensemble)["keystore.pem"]
    ensemble.run(passes=5)
    assert content(ensemble)["keystore.pem"] == key
    assert ensemble.plan().situation.certificates.stage == "Presenting"


def test_a_member_that_the_others_reject_is_named() -> None:
    ensemble = secured()
    observed, since = ensemble.world.observed, NOW - timedelta(seconds=61)
    answers = {
        **observed.answers,
        1: replace(observed.answers[1], problem="not serving", denies=True, peer_state="looking"),
    }
    pods = tuple(
        replace(p, ready=False, running_since=since, unready_since=since) if p.id == 1 else p
        for p in observed.pods
    )
    plan = build_plan(replace(observed, answers=answers, pods=pods))
    assert condition(plan) == ("False", reasons.CERTIFICATE_REJECTED)
    just_now = tuple(replace(p, unready_since=NOW) if p.id == 1 else p for p in pods)
    electing = build_plan(replace(observed, answers=answers, pods=just_now))
    assert condition(electing) != condition(plan), "it has lost its leader a moment ago"
    assert "zk-1 runs with TLS" in plan.security.message
    assert not disruptive(plan.actions)


def test_a_certificate_that_does_not_arrive_is_reported_after_minutes() -> None:
    ensemble = secured()
    serving(ensemble, source_secret_leaf(NOW), 2)
    observed = ensemble.world.observed
    assert condition(build_plan(observed)) == ("False", reasons.ROTATING_CERTIFICATES)
    late = build_plan(replace(observed, now=NOW + timedelta(minutes=6)))
    assert condition(late) == ("False", reasons.CERTIFICATE_NOT_LOADED)
    assert "member 2 does not serve the certificate" in late.security.message


def test_a_member_that_does_not_come_to_trust_a_new_ca_is_reported_after_minutes() -> None:
    ensemble = of_secret()
    ensemble.world = ensemble.world.with_observed(tls_source=source_secret("new ca", NOW))
    ensemble.carry_out(ensemble.plan())
    observed = ensemble.world.observed
    assert condition(build_plan(observed)) == ("False", reasons.ROTATING_CERTIFICATES)
    late = build_plan(replace(observed, now=NOW + timedelta(minutes=6)))
    assert condition(late) == ("False", reasons.CERTIFICATE_NOT_LOADED)
    assert "member 1, 2, 3 does not trust the CA CN=CA" in late.security.message


def test_a_rotation_that_begins_after_other_trouble_is_given_its_time() -> None:
    """The condition may have been False for days, for another reason."""
    ensemble = of_secret()
    days_later = NOW + timedelta(days=3)
    ensemble.world = ensemble.world.with_observed(now=days_later, tls_source=None)
    ensemble.world = ensemble.world.with_observed(tls_source=source_secret("renewed", NOW))
    before = leaf_of(ensemble)
    ensemble.carry_out(ensemble.plan())
    serving(ensemble, before, 1, 2, 3)
    status = {
        "conditions": [
            {
                "type": conditions.SECURED,
                "status": "False",
                "reason": reasons.ROTATING_CERTIFICATES,
                "lastTransitionTime": "2025-12-31T23:50:00Z",
            }
        ]
    }
    observed = ensemble.world.observed
    written = {**observed.ensemble.status, **status}
    observed = replace(observed, ensemble=replace(observed.ensemble, status=written))
    assert condition(build_plan(observed)) == ("False", reasons.ROTATING_CERTIFICATES)


@pytest.mark.parametrize("written", ["yesterday", "", "2025-12-31T00:00:00"])
def test_an_edited_time_is_written_again(written: str) -> None:
    ensemble = secured()
    key = names.ANNOTATION_CERTIFICATES_SINCE
    secret = ensemble.child("Secret", "zk-tls")
    assert secret is not None
    metadata = secret["metadata"]
    changed = {**metadata, "annotations": {**metadata["annotations"], key: written}}
    children = (c for c in ensemble.world.observed.children if c != secret)
    ensemble.world = ensemble.world.with_observed(
        children=(*children, {**secret, "metadata": changed})
    )
    ensemble.rest()
    found = ensemble.child("Secret", "zk-tls")
    assert found is not None
    assert found["metadata"]["annotations"][key] == "2026-01-01T00:00:00Z"


def test_silence_is_not_another_certificate() -> None:
    observed = replace(secured().world.observed, handshakes={})
    assert condition(build_plan(observed)) == ("Unknown", reasons.NOT_PROBED)


def test_a_secret_of_the_operator_that_is_deleted_comes_back() -> None:
    ensemble = secured()
    for name in ("zk-ca", "zk-tls"):
        children = tuple(
            c for c in ensemble.world.observed.children if c["metadata"]["name"] != name
        )
        ensemble.world = ensemble.world.with_observed(children=children)
        ensemble.rest()
        assert ensemble.child("Secret", name) is not None
    assert condition(ensemble.plan()) == ("True", reasons.SECURED)


def test_nothing_of_a_key_is_in_a_status_or_in_the_repr_of_a_plan() -> None:
    ensemble = EnsembleUnderTest.at_rest(3)
    ensemble.edit(ON)
    plan = ensemble.plan()
    text = repr(plan.situation.certificates) + repr(plan.situation.observed.fresh_keys)
    text += str(build_status(plan, restarted={}))
    assert "PRIVATE KEY" not in text


def test_an_ensemble_without_tls_has_no_secret_for_it() -> None:
    found = {c["metadata"]["name"] for c in at_rest(3).children if c["kind"] == "Secret"}
    assert found == {"zk-auth", "zk-connection"}


# ---- the plain port ----


def closed_members(ensemble: EnsembleUnderTest) -> set[int]:
    assert ensemble.config is not None
    return {server.id for server in ensemble.config.servers if server.is_closed}


REQUIRED: dict[str, Any] = {"tls": {"clients": "Required"}}


def test_the_plain_port_is_closed_last_and_opened_first_without_a_restart() -> None:
    ensemble = EnsembleUnderTest.at_rest(3)
    ensemble.edit(REQUIRED)
    walk(ensemble, lambda: ensemble.plan().situation.walk.done)
    assert closed_members(ensemble) == set()
    uids = {pod.uid for pod in ensemble.pods.values()}
    ensemble.rest()
    assert closed_members(ensemble) == {1, 2, 3}
    assert {pod.uid for pod in ensemble.pods.values()} == uids
    status = build_status(ensemble.plan(), restarted={})
    assert status["security"]["clients"] == "Required"
    assert ":2281" in status["connectionString"]
    assert ":2181" not in status["connectionString"]
    ensemble.edit(OFF)
    walk(ensemble, lambda: set(phases(ensemble)) != {"q3,c1,a0"} or not closed_members(ensemble))
    ensemble.rest()
    assert closed_members(ensemble) == set()
    assert set(phases(ensemble)) == {"q0,c0,a0"}
    assert ":2181" in build_status(ensemble.plan(), restarted={})["connectionString"]


def test_no_member_stops_listening_for_tls_while_one_is_closed() -> None:
    ensemble = EnsembleUnderTest({"replicas": 3, **REQUIRED})
    ensemble.rest()
    ensemble.edit(OFF)
    for _ in range(200):
        plan = ensemble.plan()
        if closed_members(ensemble):
            assert {phase.clients for phase in running_phases(ensemble.world).values()} == {1}
            assert plan.situation.walk.target.clients == 1
        ensemble.carry_out(plan)
        ensemble.tick()
        if plan.settled:
            return
    raise AssertionError(plan.next_action)


def test_a_new_ensemble_is_closed_from_its_founding_on() -> None:
    ensemble = EnsembleUnderTest({"replicas": 3, **REQUIRED})
    ensemble.run(passes=1)
    published = ensemble.child("ConfigMap", "zk-membership")
    assert published is not None
    assert published["data"]["ZOO_SERVERS"].count(";127.0.0.1:2182") == 3
    ensemble.rest()
    assert closed_members(ensemble) == {1, 2, 3}


def test_rolls_and_scaling_keep_the_plain_port_closed() -> None:
    ensemble = EnsembleUnderTest({"replicas": 3, **REQUIRED})
    ensemble.rest()
    ensemble.roll()
    ensemble.edit({"replicas": 5, "observers": {"replicas": 1}})
    for _ in range(300):
        assert {1, 2, 3} <= closed_members(ensemble)
        plan = ensemble.plan()
        ensemble.carry_out(plan)
        ensemble.tick()
        if plan.settled:
            break
    assert closed_members(ensemble) == {1, 2, 3, 4, 5, 101}
    ensemble.edit({"replicas": 3})
    ensemble.rest()
    assert closed_members(ensemble) == {1, 2, 3, 101}


def test_the_operator_comes_by_tls_when_members_are_closed_or_will_be() -> None:
    ensemble = secured()
    assert secure_access(ensemble.world.observed) is None
    ensemble.edit(REQUIRED)
    found = secure_access(ensemble.world.observed)
    assert found is not None
    assert found.key_pair == ensemble.plan().situation.certificates.live.key_pair  # type: ignore[union-attr]
    ensemble.rest()
    ensemble.edit(OFF)
    assert secure_access(ensemble.world.observed) is not None
    ensemble.rest()
    assert secure_access(ensemble.world.observed) is None


def test_a_stopped_ensemble_that_was_closed_is_opened_when_it_starts_without_tls() -> None:
    ensemble = EnsembleUnderTest({"replicas": 3, **REQUIRED})
    ensemble.rest()
    ensemble.edit({"stopped": True})
    ensemble.rest()
    ensemble.edit({"stopped": False, **OFF})
    ensemble.rest()
    assert closed_members(ensemble) == set()
    assert set(phases(ensemble)) == {"q0,c0,a0"}

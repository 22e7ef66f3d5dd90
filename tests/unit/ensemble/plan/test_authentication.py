"""Authentication turned on, required and turned off under an ensemble that serves, step by step."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.plan.ensemble_under_test import EnsembleUnderTest
from tests.unit.ensemble.plan.scenes import at_rest
from tests.unit.ensemble.plan.test_security import condition, phases, walk

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Apply, RestartMember
from zookeeper_operator.ensemble.forecast.forecast import build_forecast
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.ensemble.referenced import Found, Reference, Referenced
from zookeeper_operator.ensemble.report.status import build_status
from zookeeper_operator.ensemble.security.phase import Phase
from zookeeper_operator.ensemble.security.users import judge_users, session_login
from zookeeper_operator.zookeeper.jaas import read_jaas

OFF: dict[str, Any] = {"auth": None}


def user(name: str) -> dict[str, Any]:
    return {"name": name, "passwordSecret": {"name": "app-zk", "key": name}}


def auth(*names_of_users: str, required: str = "None") -> dict[str, Any]:
    return {"auth": {"users": [user(name) for name in names_of_users], "required": required}}


BY_CERTIFICATE: dict[str, Any] = {
    "tls": {"clientCertificates": "Want"},
    "auth": {"required": "X509"},
}


def knowing(ensemble: EnsembleUnderTest, **passwords: str) -> EnsembleUnderTest:
    """These passwords are in the Secret that the users name."""
    found = {name: value.encode() for name, value in passwords.items()}
    ensemble.world = ensemble.world.with_observed(passwords=found)
    return ensemble


def serving(replicas: int = 3) -> EnsembleUnderTest:
    """An ensemble without users; the password of `app` is there."""
    return knowing(EnsembleUnderTest.at_rest(replicas), app="secret-of-app")


def required(replicas: int = 3) -> EnsembleUnderTest:
    """An ensemble that was founded with a user, and requires it."""
    spec = {"replicas": replicas, "allowEvenReplicas": True, **auth("app", required="Sasl")}
    ensemble = knowing(EnsembleUnderTest(spec), app="secret-of-app")
    ensemble.rest()
    return ensemble


def secret(ensemble: EnsembleUnderTest, name: str) -> Mapping[str, str]:
    found = ensemble.child("Secret", name)
    assert found is not None
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


def users(ensemble: EnsembleUnderTest) -> Mapping[str, str]:
    return read_jaas(secret(ensemble, "zk-users")["jaas.conf"])


def restarts(plan: Plan) -> list[RestartMember]:
    return [action for action in plan.actions if isinstance(action, RestartMember)]


# ---- there and back ----


@pytest.mark.parametrize("replicas", [1, 2, 3, 5])
def test_authentication_is_required_and_given_up_one_phase_at_a_time(replicas: int) -> None:
    ensemble = serving(replicas)
    ensemble.edit(auth("app", required="Sasl"))
    assert walk(ensemble) == ["q0,c0,a0", "q0,c0,a1", "q0,c0,a2"]
    assert condition(ensemble.plan()) == ("True", reasons.SECURED)
    status = build_status(ensemble.plan(), restarted={})
    assert status["security"]["authentication"] == "Required"
    assert {m["security"]["phase"] for m in status["members"]} == {"q0,c0,a2"}
    assert users(ensemble) == {"app": "secret-of-app", names.LOGIN_USER: "fresh of the operator"}
    ensemble.edit(OFF)
    assert walk(ensemble) == ["q0,c0,a2", "q0,c0,a1", "q0,c0,a0"]
    status = build_status(ensemble.plan(), restarted={})
    assert "security" not in status


def test_users_that_nothing_requires_take_one_roll() -> None:
    ensemble = serving()
    ensemble.edit(auth("app"))
    moves = build_forecast(ensemble.world.observed)
    assert moves.outcome == "settled"
    assert [move.why for move in moves.of("restart")] == ["clients can log in as users"] * 3
    assert walk(ensemble) == ["q0,c0,a0", "q0,c0,a1"]
    assert condition(ensemble.plan()) == ("True", reasons.SECURED)


def test_tls_and_authentication_share_their_rolls() -> None:
    ensemble = serving()
    ensemble.edit({"tls": {}, **auth("app", required="Sasl")})
    assert walk(ensemble) == ["q0,c0,a0", "q1,c1,a1", "q2,c1,a2", "q3,c1,a2"]
    ensemble.edit({"tls": None, **OFF})
    assert walk(ensemble) == ["q3,c1,a2", "q2,c0,a1", "q1,c0,a0", "q0,c0,a0"]


def test_certificates_are_not_required_before_every_member_listens_for_them() -> None:
    ensemble = EnsembleUnderTest.at_rest(3)
    ensemble.edit({**BY_CERTIFICATE, "tls": {**BY_CERTIFICATE["tls"], "quorum": "Disabled"}})
    assert walk(ensemble) == ["q0,c0,a0", "q0,c1,a1", "q0,c1,a2"]
    assert set(users(ensemble)) == {names.LOGIN_USER}, "no client has a password"


def test_users_give_way_to_certificates_when_every_member_listens_for_them() -> None:
    ensemble = serving()
    ensemble.edit(auth("app"))
    walk(ensemble)
    ensemble.edit({**BY_CERTIFICATE, "tls": {**BY_CERTIFICATE["tls"], "quorum": "Disabled"}})
    assert walk(ensemble) == ["q0,c0,a1", "q0,c1,a1", "q0,c1,a2"]
    assert set(users(ensemble)) == {names.LOGIN_USER}


def test_a_new_ensemble_is_founded_where_authentication_is_required_at_once() -> None:
    ensemble = required()
    assert set(phases(ensemble)) == {"q0,c0,a2"}
    assert ensemble.world.elections == 1


@pytest.mark.parametrize("half_way", ["q0,c0,a1", "q0,c0,a2"])
def test_a_change_of_mind_goes_back_from_where_it_is(half_way: str) -> None:
    ensemble = serving()
    ensemble.edit(auth("app", required="Sasl"))
    walk(ensemble, lambda: half_way in phases(ensemble))
    ensemble.edit(OFF)
    assert walk(ensemble)[-1] == "q0,c0,a0"
    ensemble.edit(auth("app", required="Sasl"))
    walk(ensemble, lambda: half_way in phases(ensemble))
    ensemble.edit(OFF)
    ensemble.run(passes=1)
    ensemble.edit(auth("app", required="Sasl"))
    assert walk(ensemble)[-1] == "q0,c0,a2"


# ---- no way for the operator to lock itself out ----


def test_the_operator_logs_in_where_every_member_knows_it_and_nowhere_else() -> None:
    ensemble = serving()
    ensemble.edit(auth("app", required="Sasl"))
    seen: set[tuple[bool, bool]] = set()

    def look() -> bool:
        known = {phase[-1] for phase in phases(ensemble)}
        login = session_login(ensemble.world.observed)
        seen.add(("0" not in known, login is not None))
        if login is not None:
            assert login.password == users(ensemble)[login.user]
        return ensemble.plan().settled

    walk(ensemble, look)
    assert seen == {(False, False), (True, True)}


@pytest.mark.parametrize(
    ("accepted", "said"), [(None, "has not logged in"), (False, "do not accept the user")]
)
def test_authentication_is_not_required_before_the_operator_has_logged_in(
    accepted: bool | None,  # noqa: FBT001 -- a case, no switch
    said: str,
) -> None:
    ensemble = serving()
    ensemble.edit(auth("app", required="Sasl"))
    walk(
        ensemble,
        lambda: (
            set(phases(ensemble)) == {"q0,c0,a1"}
            and ensemble.plan().situation.walk.target.auth == 2
        ),
    )
    ensemble.world = ensemble.world.with_observed(login_accepted=accepted)
    plan = ensemble.plan()
    assert plan.situation.walk.target == Phase(auth=1)
    assert said in plan.situation.walk.waits_for
    assert condition(plan)[0] == "False"


def test_no_step_is_taken_while_a_member_has_no_pod() -> None:
    ensemble = serving()
    ensemble.edit(auth("app", required="Sasl"))
    walk(ensemble, lambda: set(phases(ensemble)) == {"q0,c0,a1"})
    ensemble.world = ensemble.world.with_observed(
        pods=tuple(p for p in ensemble.world.observed.pods if p.id != 2)
    )
    plan = ensemble.plan()
    assert plan.situation.walk.target == Phase(auth=1)
    assert condition(plan) == ("False", reasons.REQUIRING_AUTHENTICATION)
    assert "member 2 has no pod" in plan.security.message


def test_a_lost_secret_of_the_operator_is_written_again_from_the_other_one() -> None:
    ensemble = required()
    before = secret(ensemble, "zk-auth"), users(ensemble)
    assert before[0]["sasl-username"] == names.LOGIN_USER
    for lost in ("zk-auth", "zk-users"):
        ensemble.world = ensemble.world.with_observed(
            fresh_login_password="another",
            children=tuple(
                c
                for c in ensemble.world.observed.children
                if (c["kind"], c["metadata"]["name"]) != ("Secret", lost)
            ),
        )
        ensemble.rest()
        assert secret(ensemble, "zk-auth")["sasl-password"] == before[0]["sasl-password"]
        assert users(ensemble) == before[1]


def test_members_that_know_another_password_of_the_operator_are_restarted_to_learn_it() -> None:
    """Without a hand-over, since the members accept none."""
    ensemble = required()
    edited = dict(ensemble.child("Secret", "zk-auth") or {})
    edited["data"] = {**edited["data"], "sasl-password": base64.b64encode(b"edited").decode()}
    others = [
        c
        for c in ensemble.world.observed.children
        if (c["kind"], c["metadata"]["name"]) != ("Secret", "zk-auth")
    ]
    ensemble.world = ensemble.world.with_observed(children=(*others, edited), login_accepted=False)
    plan = ensemble.plan()
    assert condition(plan) == ("False", reasons.LOGIN_REFUSED)
    assert "zk-auth" in plan.security.message
    assert "edited" not in plan.security.message
    ensemble.refuse_demotions(refuse=True)
    ensemble.rest()
    assert users(ensemble)[names.LOGIN_USER] == "edited"
    assert condition(ensemble.plan()) == ("True", reasons.SECURED)


# ---- passwords ----


def test_a_changed_password_is_one_roll_and_no_word_of_it_is_said() -> None:
    ensemble = required()
    knowing(ensemble, app="the-changed-one")
    plan = ensemble.plan()
    forecast = build_forecast(ensemble.world.observed)
    assert [m.why for m in forecast.of("restart")] == ["the users or a password changed"] * 3
    assert condition(plan) == ("False", reasons.CHANGING_USERS)
    ensemble.rest()
    assert users(ensemble)["app"] == "the-changed-one"
    for word in ("the-changed-one", "secret-of-app", "fresh of the operator"):
        assert word not in str(forecast)
        assert word not in str(build_status(plan, restarted={}))
        assert word not in repr(plan.situation.users)


def bad_passwords() -> Iterator[tuple[bytes | None, str, str]]:
    yield None, reasons.PASSWORD_MISSING, "key app of Secret app-zk, which does not exist"
    yield b"", reasons.PASSWORD_INVALID, "is empty"
    yield b"secret\n", reasons.PASSWORD_INVALID, "ends with a line break"
    yield "päss".encode(), reasons.PASSWORD_INVALID, "printable ones of ASCII"
    yield b"a${user.home}", reasons.PASSWORD_INVALID, "which Java replaces"
    yield b"x" * 257, reasons.PASSWORD_INVALID, "longer than 256"


@pytest.mark.parametrize(("password", "reason", "said"), list(bad_passwords()))
def test_a_bad_password_is_refused_in_words_before_any_pod_changes(
    password: bytes | None, reason: str, said: str
) -> None:
    ensemble = EnsembleUnderTest.at_rest(3)
    passwords = {} if password is None else {"app": password}
    ensemble.world = ensemble.world.with_observed(passwords=passwords)
    ensemble.edit(auth("app", required="Sasl"))
    for _ in range(5):
        plan = ensemble.plan()
        applied = {a.body["kind"] for a in plan.actions if isinstance(a, Apply)}
        assert "StatefulSet" not in applied
        assert not restarts(plan)
        ensemble.carry_out(plan)
        ensemble.tick()
    assert condition(plan) == ("False", reason)
    assert "spec.auth.users[app].passwordSecret names" in plan.security.message
    assert said in plan.security.message
    assert "secret" not in plan.security.message.replace("passwordSecret", "")
    knowing(ensemble, app="secret-of-app")
    assert walk(ensemble)[-1] == "q0,c0,a2"


@pytest.mark.parametrize("own", ["zk-auth", "zk-users"])
def test_a_secret_of_the_operator_holds_no_password_for_clients(own: str) -> None:
    ensemble = serving()
    taken = {"name": "app", "passwordSecret": {"name": own, "key": "password"}}
    ensemble.edit({"auth": {"users": [taken]}})
    plan = ensemble.plan()
    assert condition(plan) == ("False", reasons.PASSWORD_INVALID)
    assert f"Secret {own}, which the operator writes itself" in plan.security.message
    assert plan.situation.walk.target == Phase()


def test_a_secret_that_may_not_be_read_is_told_as_such() -> None:
    ensemble = EnsembleUnderTest.at_rest(3)
    ensemble.edit(auth("app"))
    where = Reference("app-zk", "spec.auth.users[app].passwordSecret", watched=True)
    found = Referenced((Found(where, "unreadable", why="forbidden"),))
    ensemble.world = ensemble.world.with_observed(referenced=found)
    plan = ensemble.plan()
    assert condition(plan) == ("False", reasons.PASSWORD_MISSING)
    assert "cannot be read: forbidden" in plan.security.message


def test_a_password_that_goes_missing_stops_no_ensemble_that_runs() -> None:
    """Its members keep the users they know, and are restarted for other changes."""
    ensemble = required()
    before = users(ensemble)
    ensemble.world = ensemble.world.with_observed(passwords={})
    ensemble.edit({"config": {"tickTime": 3000}})
    walk(ensemble, lambda: ensemble.plan().rollout.state is True)
    assert users(ensemble) == before
    assert set(phases(ensemble)) == {"q0,c0,a2"}
    assert condition(ensemble.plan()) == ("False", reasons.PASSWORD_MISSING)
    assert "keep the users they know" in ensemble.plan().security.message


def test_a_new_ensemble_waits_for_its_passwords() -> None:
    ensemble = EnsembleUnderTest({"replicas": 3, **auth("app", required="Sasl")})
    ensemble.run(passes=3)
    plan = ensemble.plan()
    assert ensemble.child("StatefulSet", "zk") is None
    assert "nothing until there is a password" in plan.next_action
    knowing(ensemble, app="secret-of-app")
    ensemble.rest()
    assert set(phases(ensemble)) == {"q0,c0,a2"}


def test_no_member_is_restarted_while_the_users_it_mounts_are_missing() -> None:
    ensemble = required()
    ensemble.world = ensemble.world.with_observed(
        passwords={},
        children=tuple(
            c
            for c in ensemble.world.observed.children
            if (c["kind"], c["metadata"]["name"]) != ("Secret", "zk-users")
        ),
    )
    ensemble.edit({"config": {"tickTime": 3000}})
    for _ in range(5):
        plan = ensemble.plan()
        assert not restarts(plan)
        ensemble.carry_out(plan)
        ensemble.tick()
    assert "Secret zk-users, which it mounts, is missing" in plan.rollout.message
    knowing(ensemble, app="secret-of-app")
    ensemble.rest()


# ---- what is left of users ----


def test_passwords_are_forgotten_when_no_member_mounts_them_any_more() -> None:
    """`zk-users` is emptied before `zk-auth`, which shows that this has still to be done."""
    ensemble = required()
    ensemble.edit(OFF)

    def forgotten() -> bool:
        if set(phases(ensemble)) == {"q0,c0,a0"}:
            return True
        assert "app" in users(ensemble), "a container that restarts reads it"
        assert "sasl-password" in secret(ensemble, "zk-auth")
        return False

    walk(ensemble, forgotten)
    plan = ensemble.plan()
    written = [a.body["metadata"]["name"] for a in plan.actions if isinstance(a, Apply)]
    assert [name for name in written if name in ("zk-users", "zk-auth")] == ["zk-users", "zk-auth"]
    ensemble.rest()
    assert secret(ensemble, "zk-users") == {"jaas.conf": ""}
    assert set(secret(ensemble, "zk-auth")) == {"username", "password", "digest"}
    assert ensemble.plan().actions == ()
    ensemble.edit(auth("app", required="Sasl"))
    ensemble.rest()
    assert set(users(ensemble)) == {"app", names.LOGIN_USER}


@pytest.mark.parametrize("left", ["a pod of nobody", "a phase that cannot be read"])
def test_passwords_stay_while_a_pod_may_mount_them(left: str) -> None:
    ensemble = required()
    ensemble.edit(OFF)
    walk(ensemble, lambda: set(phases(ensemble)) == {"q0,c0,a0"})
    observed = ensemble.world.observed
    if left == "a pod of nobody":
        observed = replace(observed, unclaimed=frozenset({"zk-9"}))
    else:
        first, *others = observed.pods
        strange = {**first.template, names.ANNOTATION_SECURITY: "of a later version"}
        observed = replace(observed, pods=(replace(first, template=strange), *others))
    users_of = judge_users(observed)
    assert not users_of.forgotten
    assert users_of.jaas == secret(ensemble, "zk-users")["jaas.conf"]
    assert users_of.login is not None
    assert judge_users(ensemble.world.observed).forgotten


# ---- nothing new where nothing new is asked for ----


def test_without_users_there_is_nothing_of_them() -> None:
    observed = at_rest(3)
    observed = replace(observed, fresh_login_password="fresh of the operator")
    ensemble = EnsembleUnderTest.at_rest(3)
    assert ensemble.child("Secret", "zk-users") is None
    assert set(secret(ensemble, "zk-auth")) == {"username", "password", "digest"}
    assert ensemble.plan().actions == ()
    assert session_login(observed) is None

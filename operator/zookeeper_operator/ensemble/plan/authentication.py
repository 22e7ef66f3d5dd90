"""How authentication stands, for the condition `Secured`.

Pure. It decides nothing.
"""

from dataclasses import replace
from typing import Final

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.plan.step import Situation, Verdict
from zookeeper_operator.ensemble.security.phase import read_phase

_FORWARDS: Final = {
    1: Verdict(
        False, reasons.ADDING_USERS, "the members get to know the users; no client needs one yet"
    ),
    2: Verdict(
        False,
        reasons.REQUIRING_AUTHENTICATION,
        "the members begin to serve only clients that have authenticated",
    ),
}
_BACKWARDS: Final = {
    1: Verdict(
        False, reasons.REMOVING_USERS, "the members serve clients that have not authenticated again"
    ),
    0: Verdict(False, reasons.REMOVING_USERS, "the members forget all users"),
}
"""What each authentication phase means, by the direction that it is come from."""
_REQUIRED: Final = {
    "Sasl": "every client must log in as a user",
    "X509": "every client must have a certificate",
    "Any": "every client must log in as a user, or have a certificate",
}


def find_password_problem(situation: Situation) -> Verdict | None:
    """A password that the spec names and that cannot be used."""
    problem = situation.users.problem
    if problem is None:
        return None
    knows = any(phase.knows_users for phase in situation.walk.phases)
    kept = "; the members keep the users they know" if knows else "; no member is changed"
    return Verdict(False, problem.reason, f"{problem.message}{kept}")


def find_refused_login(situation: Situation) -> Verdict | None:
    """Members that know another password of the operator than it does itself."""
    if situation.observed.login_accepted is not False:
        return None
    name = situation.ensemble.name
    return Verdict(
        False,
        reasons.LOGIN_REFUSED,
        f"the members do not accept the user {names.LOGIN_USER} with the password in Secret "
        f"{names.auth_name(name)}; they learn it from Secret {names.users_name(name)} when they are "
        "restarted",
    )


def describe_authentication(situation: Situation) -> Verdict | None:
    """A step that is taken, or waited for, and users that not every member knows yet."""
    walk = situation.walk
    wanted, target = walk.wanted.auth, walk.target.auth
    if all(phase.auth == wanted for phase in walk.phases):
        return _changing_users(situation)
    steps = _FORWARDS if wanted > walk.reached.auth else _BACKWARDS
    if target != walk.reached.auth or target != walk.highest.auth:
        return steps[target]
    said = f"the next step waits: {walk.waits_for or 'the members are still being restarted'}"
    return replace(steps[wanted], message=said)


def _changing_users(situation: Situation) -> Verdict | None:
    fingerprint = situation.users.fingerprint
    late = [
        str(pod.id)
        for pod in situation.observed.pods
        if (phase := read_phase(pod.template)) is not None
        and phase.knows_users
        and pod.template.get(names.ANNOTATION_USERS) != fingerprint
    ]
    if not late:
        return None
    return Verdict(
        False,
        reasons.CHANGING_USERS,
        f"member {', '.join(late)} learns of the changed users and passwords when it is restarted",
    )


def say_what_is_required(situation: Situation) -> str:
    """What every member asks of its clients; empty where there are no users."""
    auth, reached = situation.ensemble.spec.auth, situation.walk.reached
    if auth is None or not reached.knows_users:
        return ""
    if reached.requires_authentication:
        return _REQUIRED.get(auth.required, "")
    return "clients can log in as a user"

"""The users of an ensemble: what `NAME-users` must hold now, and as whom the operator logs in.

Pure: passwords are given. Members see only what has passed every check; as long as one password is missing or
bad, what they know stays. The operator is always among the users, with a random password that is in
`NAME-auth`; if one of the two Secrets is lost, the other one still has it.

When no member mounts the users any more, `NAME-users` is emptied: no password stays, and the operator has no
right to delete a Secret. That `NAME-auth` names the operator's own user shows that this has still to be done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from zookeeper_operator.api import reasons
from zookeeper_operator.api.schema.security_rules import OWN_SECRETS
from zookeeper_operator.api.security import UserSpec
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.auth import LOGIN_PASSWORD_KEY, read_password
from zookeeper_operator.ensemble.build.users import JAAS_KEY
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.referenced import users_of
from zookeeper_operator.ensemble.security.certificates import read_secret
from zookeeper_operator.ensemble.security.phase import (
    Phase,
    read_phase,
    template_phase,
    wanted_phase,
)
from zookeeper_operator.ensemble.security.source_problem import SourceProblem
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.hashes import content_hash
from zookeeper_operator.zookeeper.jaas import Login, flaw_of_password, read_jaas, render_jaas


@dataclass(frozen=True)
class Users:
    """Who may log in. `repr` shows no password.

    Attributes:
        login: as whom the operator logs in; None where there are no users, and none are being left.
        jaas: what `NAME-users` must hold; empty if there is nothing to give to members.
        fingerprint: a hash of what members of a phase with users know, or have to know.
        problem: why the passwords that the spec names cannot be used.
        forgotten: whether `NAME-users` must be emptied.
    """

    login: Login | None = None
    jaas: str = field(default="", repr=False)
    fingerprint: str = ""
    problem: SourceProblem | None = None
    forgotten: bool = False


NO_USERS = Users()


def running_phases(observed: Observed) -> tuple[Phase, ...]:
    """The phases of all pods and templates that can be read."""
    templates = (
        template_phase(child["spec"]["template"])
        for child in observed.children
        if child["kind"] == "StatefulSet"
    )
    pods = (read_phase(pod.template) for pod in observed.pods)
    return tuple(phase for phase in (*templates, *pods) if phase is not None)


def has_users(observed: Observed) -> bool:
    """Whether an ensemble has to do with users: its spec asks for them, or its members mount them."""
    asked = wanted_phase(observed.ensemble.spec).knows_users
    return asked or any(phase.knows_users for phase in running_phases(observed))


def names_login(secret: Object | None) -> bool:
    """Whether a live `NAME-auth` names the operator's own user."""
    return secret is not None and bool(read_password(secret, LOGIN_PASSWORD_KEY))


def _may_be_mounted(observed: Observed) -> bool:
    """Whether a pod of which it cannot be told could still read the users."""
    return bool(observed.unclaimed) or any(
        read_phase(pod.template) is None for pod in observed.pods
    )


def judge_users(observed: Observed) -> Users:
    """What the Secrets must hold now, by the spec, the passwords it names, and what they hold."""
    name = observed.ensemble.name
    live = read_secret(observed.child("Secret", names.users_name(name))).get(JAAS_KEY, b"")
    known = live.decode("utf-8", "replace")
    if not has_users(observed) and (not known or not _may_be_mounted(observed)):
        return Users(forgotten=bool(known))
    login = Login(names.LOGIN_USER, _own_password(observed, read_jaas(known)))
    if not wanted_phase(observed.ensemble.spec).knows_users:
        # They are being left: what members know stays until they do without.
        return _complete(observed, login, known or _render(login, {}))
    passwords: dict[str, str] = {}
    for user in users_of(observed.ensemble):
        problem = _problem(observed, user)
        if problem is not None:
            return _complete(observed, login, known, problem)
        passwords[user.name] = observed.passwords[user.name].decode("ascii")
    return _complete(observed, login, _render(login, passwords))


def _complete(
    observed: Observed, login: Login, jaas: str, problem: SourceProblem | None = None
) -> Users:
    return Users(login, jaas, content_hash(jaas) if jaas else _published(observed), problem)


def _render(login: Login, passwords: Mapping[str, str]) -> str:
    return render_jaas({**passwords, login.user: login.password}, login)


def _own_password(observed: Observed, known: Mapping[str, str]) -> str:
    """The operator's own password: a new one only where neither Secret has any."""
    secret = observed.child("Secret", names.auth_name(observed.ensemble.name))
    kept = read_password(secret, LOGIN_PASSWORD_KEY) if secret is not None else ""
    if flaw_of_password(kept.encode()):
        kept = known.get(names.LOGIN_USER, "")
    return kept or observed.fresh_login_password


def _published(observed: Observed) -> str:
    """What pod templates say of users whose Secret is lost: that must start no roll."""
    for component in (names.VOTER, names.OBSERVER):
        found = observed.statefulset(component)
        if found is not None:
            annotations = (found["spec"]["template"].get("metadata") or {}).get("annotations") or {}
            return str(annotations.get(names.ANNOTATION_USERS, ""))
    return ""


def _problem(observed: Observed, user: UserSpec) -> SourceProblem | None:
    """Why a user cannot have its password, in words that name the field, the Secret and the key."""
    reference = user.password_secret
    field_of = f"spec.auth.users[{user.name}].passwordSecret"
    named = f"{field_of} names key {reference.key} of Secret {reference.name}"
    if reference.name in {f"{observed.ensemble.name}-{own}" for own in OWN_SECRETS}:
        return SourceProblem(
            reasons.PASSWORD_INVALID,
            f"{named}, which the operator writes itself; put the password into a Secret of another name",
        )
    found = next((f for f in observed.referenced.found if f.reference.field == field_of), None)
    if found is not None and found.state == "unreadable":
        message = f"{field_of} names Secret {reference.name}, which cannot be read: {found.why}"
        return SourceProblem(reasons.PASSWORD_MISSING, message)
    if user.name not in observed.passwords:
        where = f"create it in namespace {observed.ensemble.namespace}"
        return SourceProblem(reasons.PASSWORD_MISSING, f"{named}, which does not exist; {where}")
    flaw = flaw_of_password(observed.passwords[user.name])
    if not flaw:
        return None
    return SourceProblem(reasons.PASSWORD_INVALID, f"{named}, and the password there {flaw}")


def session_login(observed: Observed) -> Login | None:
    """As whom the operator's own sessions log in; None where a member would refuse that.

    Where every pod knows the users, and where one serves no session without.
    """
    phases = [phase for pod in observed.pods if (phase := read_phase(pod.template)) is not None]
    if not phases:
        return None
    everywhere = all(phase.knows_users for phase in phases)
    needed = any(phase.requires_authentication for phase in phases)
    return judge_users(observed).login if everywhere or needed else None

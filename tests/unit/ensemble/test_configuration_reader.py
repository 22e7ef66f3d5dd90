"""Who the members are, also while they do not accept the user of the operator."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from tests.unit.ensemble.plan.scenes import at_rest

from zookeeper_operator.control.controller import Key
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.auth import build_auth
from zookeeper_operator.ensemble.build.users import build_users
from zookeeper_operator.ensemble.configuration_reader import ConfigurationReader
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import understand
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.jaas import Login, render_jaas
from zookeeper_operator.zookeeper.protocol import (
    Access,
    Address,
    EnsembleUnreachableError,
    LoginRefusedError,
    ZooKeeper,
)
from zookeeper_operator.zookeeper.servers import CommittedConfig

KEY = Key(names.KIND, "demo", "zk")
NO_API: Any = None
"""Only what is known of a source is read from the API server."""
OWN = Login(names.LOGIN_USER, "known here")


class Members:
    """Members of one phase of authentication, which know a password of the operator."""

    def __init__(self, scene: Observed, auth: int, password: str = OWN.password) -> None:
        self._answers, self._auth, self._password = scene.answers, auth, password
        self._committed = scene.committed
        self.logins: list[Login | None] = []

    async def probe(self, members: Sequence[Address], *, thorough: bool) -> Mapping[int, Answers]:
        del members, thorough
        return self._answers

    async def read_config(self, access: Access) -> CommittedConfig:
        self.logins.append(access.login)
        if access.login is not None and access.login.password != self._password:
            raise LoginRefusedError("no")
        if access.login is None and self._auth == 2:
            raise EnsembleUnreachableError("SessionClosedRequireSaslError")
        assert self._committed is not None
        return self._committed


def scene_of(auth: int, *others: int) -> Observed:
    """Three members in these phases, and the Secrets of the operator."""
    scene = at_rest(3)
    phases = (auth, *others, auth, auth)
    pods = tuple(
        replace(pod, template={**pod.template, names.ANNOTATION_SECURITY: f"q0,c0,a{level}"})
        for pod, level in zip(scene.pods, phases, strict=False)
    )
    target = understand(scene).target
    secrets = (
        build_auth(target, "secret", OWN),
        build_users(target, render_jaas({OWN.user: OWN.password}, OWN)),
    )
    children = [c for c in scene.children if c["metadata"]["name"] != "zk-auth"]
    return replace(scene, pods=pods, children=(*children, *secrets))


async def ask(scene: Observed, members: Members) -> Any:
    reader = ConfigurationReader(NO_API, cast("ZooKeeper", members))
    addresses = tuple(Address(pod.id, "demo", pod.name, "10.0.0.1") for pod in scene.pods)
    return await reader.ask(KEY, scene, addresses)


@pytest.mark.parametrize(
    ("phases", "login"),
    [((0,), None), ((1, 0), None), ((1,), OWN), ((1, 2), OWN), ((2,), OWN)],
)
async def test_the_operator_logs_in_where_every_member_knows_it(
    phases: tuple[int, ...], login: Login | None
) -> None:
    members = Members(at_rest(3), max(phases))
    told = await ask(scene_of(*phases), members)
    assert members.logins == [login]
    assert told.committed == at_rest(3).committed
    assert told.login_accepted is (None if login is None else True)


async def test_where_nothing_is_required_a_refused_user_does_not_hide_the_configuration() -> None:
    members = Members(at_rest(3), 1, "another")
    told = await ask(scene_of(1), members)
    assert members.logins == [OWN, None]
    assert told.committed == at_rest(3).committed
    assert told.login_accepted is False


async def test_where_it_is_required_what_was_published_counts_if_all_name_the_same_voters() -> None:
    scene = scene_of(2)
    told = await ask(scene, Members(scene, 2, "another"))
    assert told.login_accepted is False
    assert told.committed is not None
    assert told.committed.voters == frozenset({1, 2, 3})
    other = {i: replace(a, voting_view=frozenset({1, 2})) for i, a in scene.answers.items()}
    changed = replace(scene, answers=other)
    told = await ask(changed, Members(changed, 2, "another"))
    assert told.committed is None


async def test_a_configuration_is_read_again_when_the_operator_begins_to_log_in() -> None:
    members = Members(at_rest(3), 1)
    reader = ConfigurationReader(NO_API, cast("ZooKeeper", members))
    addresses = tuple(Address(i, "demo", f"zk-{i}", "10.0.0.1") for i in (1, 2, 3))
    for scene in (scene_of(1, 0), scene_of(1, 0), scene_of(1), scene_of(1)):
        await reader.ask(KEY, scene, addresses)
    assert members.logins == [None, OWN]

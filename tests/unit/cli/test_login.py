"""As whom `kubectl zk` reads znodes where a member serves no session without a user."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import at_rest
from tests.unit.ensemble.store import Store

from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.member import find_login
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.kube.api import KubeError, Object, Resource
from zookeeper_operator.zookeeper.jaas import Login


def pod(auth: int, member: int = 1) -> Pod:
    found = at_rest(3).pod(1)
    assert found is not None
    return replace(
        found,
        id=member,
        name=names.member_name("zk", member),
        template={names.ANNOTATION_SECURITY: f"q0,c0,a{auth}"},
    )


def secret(**data: str) -> Object:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"kind": "Secret", "metadata": {"name": "zk-auth"}, "data": encoded}


class Refusing(Store):
    """An API server that refuses every question about an object."""

    def __init__(self, status: int) -> None:
        super().__init__([])
        self._status = status

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
        raise KubeError(self._status, "Refused", f"{resource.kind} {namespace}/{name}")


@pytest.mark.parametrize("auth", [0, 1])
async def test_where_it_need_not_it_does_not_log_in_and_reads_no_secret(auth: int) -> None:
    assert await find_login(Refusing(403), "demo", pod(auth)) is None


@pytest.mark.parametrize("member", [1, 101])
async def test_it_logs_in_as_the_user_of_the_operator(member: int) -> None:
    store = Store([secret(**{"sasl-password": "random"})])
    found = await find_login(store, "demo", pod(2, member))
    assert found == Login("zookeeper-operator", "random")


@pytest.mark.parametrize("objects", [[], [secret(password="super")]])
async def test_without_a_password_it_says_so(objects: list[Any]) -> None:
    with pytest.raises(Failure) as failed:
        await find_login(Store(objects), "demo", pod(2))
    assert "Secret zk-auth holds no user" in failed.value.message


async def test_a_missing_right_is_named() -> None:
    with pytest.raises(Failure) as failed:
        await find_login(Refusing(403), "demo", pod(2))
    assert "to get Secret zk-auth in namespace demo" in failed.value.message
    with pytest.raises(KubeError):
        await find_login(Refusing(500), "demo", pod(2))

"""What a spec refers to: there, missing or not to be read; never an error, never its content."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import at_rest, changed, ensemble
from tests.unit.ensemble.store import Store

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.dereference import (
    dereference,
    fetch_issuance,
    fetch_passwords,
    fetch_tls_source,
)
from zookeeper_operator.ensemble.observed import Issuance, Observed, Trouble
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.referenced import Found, Reference, Referenced
from zookeeper_operator.ensemble.report.conditions import build_conditions
from zookeeper_operator.kube.api import KubeError, Object, Resource

SECRET: Object = {
    "kind": "Secret",
    "metadata": {"name": "registry", "namespace": "demo", "resourceVersion": "7"},
    "data": {".dockerconfigjson": "hidden"},
}
NAMING = {"image": {"pullSecrets": [{"name": "registry"}]}}
REFERENCE = Reference("registry", "spec.image.pullSecrets[0]")


class Refusing(Store):
    """An API server that answers every question about metadata with an error."""

    def __init__(self, error: KubeError) -> None:
        super().__init__([])
        self._error = error

    async def get_metadata(self, resource: Resource, namespace: str, name: str) -> Object | None:
        raise self._error


async def test_a_secret_that_is_there_is_known_by_its_version_alone() -> None:
    found = await dereference(Store([SECRET]), ensemble(NAMING))
    assert found == Referenced((Found(REFERENCE, "present", version="7"),))
    assert "hidden" not in repr(found)
    assert list(found.problems()) == []


async def test_a_secret_that_is_missing_is_a_fact() -> None:
    found = await dereference(Store([]), ensemble(NAMING))
    assert list(found.problems()) == [
        "spec.image.pullSecrets[0] names Secret registry, which does not exist"
    ]


async def test_one_that_may_not_be_read_is_not_taken_for_missing() -> None:
    found = await dereference(Refusing(KubeError(403, "Forbidden", "no")), ensemble(NAMING))
    assert list(found.problems()) == [
        "spec.image.pullSecrets[0] names Secret registry, which cannot be read: no"
    ]


@pytest.mark.parametrize("name", ["..", ".", "a/b", "", "Über"])
async def test_a_name_that_nothing_can_have_is_not_asked_for(name: str) -> None:
    """In a URL it may lead elsewhere."""
    naming = ensemble({"image": {"pullSecrets": [{"name": name}]}})
    found = await dereference(Refusing(KubeError(503, "", "down")), naming)
    assert [one.state for one in found.found] == ["missing"]


async def test_any_refusal_of_this_one_read_stops_nothing() -> None:
    found = await dereference(Refusing(KubeError(400, "BadRequest", "odd")), ensemble(NAMING))
    assert [one.state for one in found.found] == ["unreadable"]


@pytest.mark.parametrize("status", [0, 401, 429, 500])
async def test_a_refusal_that_says_nothing_of_the_object_is_raised(status: int) -> None:
    with pytest.raises(KubeError):
        await dereference(Refusing(KubeError(status, "", "later")), ensemble(NAMING))


async def test_an_api_server_that_does_not_answer_leaves_everything_unknown() -> None:
    with pytest.raises(KubeError):
        await dereference(Refusing(KubeError(503, "", "down")), ensemble(NAMING))


async def test_a_spec_that_names_nothing_asks_nothing() -> None:
    asked = Refusing(KubeError(503, "", "down"))
    assert await dereference(asked, ensemble({})) == Referenced()


# ---- the source of certificates ----

TLS: Object = {
    "kind": "Secret",
    "metadata": {"name": "my-tls", "namespace": "demo", "uid": "u", "resourceVersion": "3"},
    "data": {"tls.crt": "aGlkZGVu", "tls.key": "not base64"},
}
WITH_TLS = {"tls": {"source": {"secretName": "my-tls"}}}


class RefusingSecrets(Store):
    """An API server that answers every question about an object with an error."""

    def __init__(self, status: int) -> None:
        super().__init__([])
        self._status = status

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
        raise KubeError(self._status, "Refused", "no")


async def test_the_content_of_the_source_is_read_and_never_shown() -> None:
    found = await fetch_tls_source(Store([TLS]), ensemble(WITH_TLS))
    assert found is not None
    assert (found.name, found.uid, found.version) == ("my-tls", "u", "3")
    assert found.data == {"tls.crt": b"hidden"}
    assert "hidden" not in repr(found)


@pytest.mark.parametrize("spec", [{}, {"tls": {}}, {"tls": {"source": {"secretName": "../x"}}}])
async def test_without_a_source_no_secret_is_read(spec: dict[str, Any]) -> None:
    assert await fetch_tls_source(RefusingSecrets(500), ensemble(spec)) is None


async def test_a_source_that_may_not_be_read_is_reported_and_stops_nothing() -> None:
    assert await fetch_tls_source(RefusingSecrets(403), ensemble(WITH_TLS)) is None
    refused = Found(Reference("my-tls", "spec.tls.source", watched=True), "unreadable", why="no")
    scene = replace(at_rest(3), ensemble=ensemble(WITH_TLS), referenced=Referenced((refused,)))
    plan = build_plan(scene)
    assert plan.security.reason == reasons.CERTIFICATE_MISSING
    assert plan.security.message == "Secret my-tls cannot be read: no"


async def test_an_api_server_that_is_down_is_not_taken_for_a_missing_source() -> None:
    with pytest.raises(KubeError):
        await fetch_tls_source(RefusingSecrets(503), ensemble(WITH_TLS))


async def test_an_issuer_writes_its_secret_under_a_name_of_the_ensemble() -> None:
    issued = {**TLS, "metadata": {**TLS["metadata"], "name": "zk-certificate"}}
    spec = {"tls": {"source": {"issuerRef": {"name": "ca"}}}}
    found = await fetch_tls_source(Store([issued]), ensemble(spec))
    assert found is not None
    assert found.name == "zk-certificate"


def ready_message(scene: Observed) -> Any:
    found = build_conditions(build_plan(scene))
    return next(c.message for c in found if c.type == "Ready")


def test_an_image_that_cannot_be_pulled_is_reported_with_the_secret_that_is_missing() -> None:
    pulling = Trouble(reasons.IMAGE_PULL_FAILED, "pull access denied")
    scene = changed(at_rest(3), 1, ready=False, trouble=pulling)
    missing = replace(scene, referenced=Referenced((Found(REFERENCE, "missing"),)))
    assert "registry" not in ready_message(scene)
    assert ready_message(missing).endswith("names Secret registry, which does not exist")


# ---- passwords of users ----

PASSWORDS: Object = {
    "kind": "Secret",
    "metadata": {"name": "app-zk", "namespace": "demo", "uid": "u", "resourceVersion": "3"},
    "data": {"app": "aGlkZGVu", "bad": "not base64"},
}


def with_users(*keys: str, named: str = "app-zk", required: str = "None") -> dict[str, Any]:
    users = [{"name": key, "passwordSecret": {"name": named, "key": key}} for key in keys]
    return {"auth": {"users": users, "required": required}}


async def test_each_password_is_read_by_name_and_never_shown() -> None:
    found = await fetch_passwords(
        Store([PASSWORDS]), ensemble(with_users("app", "bad", "not-there"))
    )
    assert found == {"app": b"hidden"}
    assert "hidden" not in repr(replace(at_rest(3), passwords=found))


@pytest.mark.parametrize(
    "spec", [{}, with_users("app", named="../x"), with_users("app", required="X509")]
)
async def test_without_users_no_secret_is_read_for_them(spec: dict[str, Any]) -> None:
    assert await fetch_passwords(RefusingSecrets(500), ensemble(spec)) == {}


async def test_a_password_that_may_not_be_read_stops_nothing_and_one_that_cannot_is_not_missing() -> (
    None
):
    assert await fetch_passwords(RefusingSecrets(403), ensemble(with_users("app"))) == {}
    with pytest.raises(KubeError):
        await fetch_passwords(RefusingSecrets(503), ensemble(with_users("app")))


async def test_a_new_version_of_a_password_wakes_the_ensemble() -> None:
    found = await dereference(Store([PASSWORDS]), ensemble(with_users("app")))
    assert found.watched
    assert [one.version for one in found.found] == ["3"]


# ---- the Certificate of cert-manager ----


class NoCertificates(Store):
    """An API server that answers every read with an error."""

    def __init__(self, error: KubeError) -> None:
        super().__init__([])
        self._error = error

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
        raise self._error


def a_certificate(uid: str) -> Object:
    owner = {"kind": "ZookeeperEnsemble", "name": "zk", "uid": uid, "controller": True}
    metadata = {"name": "zk-certificate", "namespace": "demo", "ownerReferences": [owner]}
    return {"kind": "Certificate", "metadata": metadata}


async def test_a_certificate_is_ours_or_somebody_elses() -> None:
    asked = ensemble({})
    assert await fetch_issuance(Store([]), asked) == Issuance()
    for uid, ours in ((asked.uid, True), ("theirs", False)):
        body = a_certificate(uid)
        assert await fetch_issuance(Store([body]), asked) == Issuance(body, ours)


async def test_without_cert_manager_or_the_right_it_is_a_fact() -> None:
    unknown = await fetch_issuance(NoCertificates(KubeError(404, "NotFound", "?")), ensemble({}))
    assert "cert-manager is not installed" in unknown.unreadable
    refused = await fetch_issuance(NoCertificates(KubeError(403, "Forbidden", "no")), ensemble({}))
    assert refused == Issuance(unreadable="no")


async def test_an_api_server_that_does_not_answer_says_nothing_of_the_certificate() -> None:
    with pytest.raises(KubeError):
        await fetch_issuance(NoCertificates(KubeError(503, "", "down")), ensemble({}))

"""The Certificate of cert-manager: created, kept, and removed, and never in the way of anything else."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.plan.ensemble_under_test import EnsembleUnderTest
from tests.unit.ensemble.plan.scenes import applied, at_rest, edited, live

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.ensemble.actions import Apply, Delete
from zookeeper_operator.ensemble.children import CERTIFICATES
from zookeeper_operator.ensemble.observed import Issuance, Observed
from zookeeper_operator.ensemble.plan import Plan, build_plan
from zookeeper_operator.ensemble.report.conditions import build_conditions
from zookeeper_operator.kube.api import Object

ISSUED: dict[str, Any] = {"tls": {"source": {"issuerRef": {"name": "ca", "kind": "ClusterIssuer"}}}}


def asked(issuance: Issuance | None = None, **spec: Any) -> Observed:
    scene = edited(at_rest(3), {**ISSUED, **spec})
    return replace(scene, issuance=issuance or Issuance())


def certificate(observed: Observed) -> Object:
    """The Certificate that a plan applies."""
    (found,) = applied(build_plan(observed).actions, "Certificate")
    return found


def message(plan: Plan) -> str:
    found = next(c for c in build_conditions(plan) if c.type == conditions.SECURED)
    assert (found.status, found.reason) == ("False", reasons.CERTIFICATE_MISSING)
    return found.message


def test_it_asks_for_what_members_can_read_and_for_every_name_they_are_dialled_by() -> None:
    body = certificate(asked())
    assert (body["apiVersion"], body["metadata"]["name"]) == (
        "cert-manager.io/v1",
        "zk-certificate",
    )
    (owner,) = body["metadata"]["ownerReferences"]
    assert owner["name"] == "zk"
    spec = body["spec"]
    assert spec["secretName"] == "zk-certificate"
    assert spec["issuerRef"] == {"name": "ca", "kind": "ClusterIssuer", "group": "cert-manager.io"}
    assert spec["privateKey"]["encoding"] == "PKCS8"
    assert {"server auth", "client auth"} <= set(spec["usages"])
    assert {"zk-client.demo.svc.cluster.local", "zk-9.demo.svc"} <= set(spec["dnsNames"])
    assert spec["ipAddresses"] == ["127.0.0.1", "::1"]


def test_a_new_ensemble_asks_for_it_before_it_is_founded() -> None:
    ensemble = EnsembleUnderTest({"replicas": 3, **ISSUED})
    plan = build_plan(replace(ensemble.world.observed, issuance=Issuance()))
    assert [a.body["kind"] for a in plan.actions if isinstance(a, Apply)] == ["Certificate"]
    assert plan.next_action.startswith("nothing until there is a certificate")
    assert not plan.settled


def test_what_is_there_is_left_as_it_is_and_an_edit_is_put_right() -> None:
    body = live(certificate(asked()))
    there = asked(Issuance(body, ours=True))
    assert applied(build_plan(there).actions, "Certificate") == []
    body["spec"]["duration"] = "1h0m0s"
    assert certificate(there)["spec"]["duration"] == "2160h0m0s"


def test_one_that_is_refused_stops_nothing() -> None:
    actions = build_plan(asked()).actions
    found = [a for a in actions if isinstance(a, Apply) and a.body["kind"] == "Certificate"]
    assert [a.optional for a in found] == [True]


@pytest.mark.parametrize(
    "spec", [{"tls": None}, {"tls": {}}, {"tls": {"source": {"secretName": "x"}}}]
)
def test_it_goes_when_the_certificate_comes_from_elsewhere(spec: dict[str, Any]) -> None:
    body = live(certificate(asked()))
    plan = build_plan(asked(Issuance(body, ours=True), **spec))
    found = [a for a in plan.actions if isinstance(a, Delete)]
    assert [(a.kind, a.name, a.uid) for a in found] == [
        ("Certificate", "zk-certificate", body["metadata"]["uid"])
    ]
    theirs = build_plan(asked(Issuance(body, ours=False), **spec))
    assert [a for a in theirs.actions if isinstance(a, Delete)] == []


@pytest.mark.parametrize(
    "observed",
    [
        asked(Issuance(unreadable="no rights")),
        asked(Issuance(live(certificate(asked())), ours=False)),
        asked(paused=True),
        asked(config={"clientPort": "1"}),
        replace(asked(), issuance=None),
    ],
    ids=["unreadable", "theirs", "paused", "invalid", "without cert-manager"],
)
def test_nothing_is_applied(observed: Observed) -> None:
    assert applied(build_plan(observed).actions, "Certificate") == []


def test_the_condition_says_what_is_missing_and_what_to_do() -> None:
    body = live(certificate(asked()))
    said = {"type": "Ready", "status": "False", "message": "Issuer ca not found"}
    waiting = {**body, "status": {"conditions": [said]}}
    for issuance, expected in (
        (Issuance(waiting, ours=True), "has not issued Certificate zk-certificate yet: Issuer ca"),
        (Issuance(body, ours=False), "does not belong to this ensemble"),
        (Issuance(unreadable="cert-manager is not installed"), "cert-manager is not installed"),
    ):
        assert expected in message(build_plan(asked(issuance)))
    without = message(build_plan(replace(asked(), issuance=None)))
    assert "certManager.enabled" in without
    assert "secretName: zk-certificate" in without


def test_the_rights_suffice() -> None:
    assert {"get", "create", "patch", "delete"} == set(CERTIFICATES.verbs)

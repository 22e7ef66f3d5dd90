"""Whole manifests of three ensembles, reviewed by people.

`UPDATE_GOLDEN=1 pytest tests/unit/ensemble/build/test_golden.py` writes them anew. What they show of pod
templates and of `NAME-config` is tied to `BUILDER_REVISION`.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.unit.ensemble.build.targets import ensemble

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build import BUILDER_REVISION
from zookeeper_operator.ensemble.build.auth import build_auth
from zookeeper_operator.ensemble.build.config import build_config
from zookeeper_operator.ensemble.build.connection import build_binding, build_connection
from zookeeper_operator.ensemble.build.disruption_budget import build_disruption_budget
from zookeeper_operator.ensemble.build.membership import build_membership
from zookeeper_operator.ensemble.build.network_policy import build_network_policy
from zookeeper_operator.ensemble.build.pod_template import pod_template_problems
from zookeeper_operator.ensemble.build.services import (
    build_client_service,
    build_external_service,
    build_member_service,
    build_members_service,
)
from zookeeper_operator.ensemble.build.statefulset import build_statefulset
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.target import Target, build_target
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.hashes import content_hash

FOLDER: Final = Path(__file__).parents[3] / "golden"
REVISION_FILE: Final = FOLDER / "builder-revision.json"
UPDATE: Final = bool(os.environ.get("UPDATE_GOLDEN"))

ENSEMBLES: Final[dict[str, dict[str, Any]]] = {
    "one-ephemeral": {
        "replicas": 1,
        "storage": {"ephemeral": True, "data": {"size": "512Mi"}},
        "networkPolicy": {"enabled": False},
    },
    "three-default": {},
    "five-with-everything": {
        "replicas": 5,
        "version": "3.9.5",
        "image": {
            "repository": "registry.example.org/zookeeper",
            "pullPolicy": "Always",
            "pullSecrets": [{"name": "registry"}],
        },
        "observers": {"replicas": 2},
        "config": {"tickTime": 1000, "leaderServes": "no", "metricsProvider.httpPort": 7000},
        "jvm": {"heapPercent": 50, "options": ["-XX:+UseZGC"]},
        "logging": {"level": "WARN", "format": "json"},
        "resources": {"requests": {"memory": "2Gi", "cpu": "1"}, "limits": {"memory": "2Gi"}},
        "storage": {
            "data": {"size": "10Gi", "storageClassName": "standard"},
            "log": {"size": "2Gi", "storageClassName": "fast"},
            "retention": {"whenScaled": "Delete"},
        },
        "external": {
            "type": "NodePort",
            "adminServer": True,
            "members": [{"id": 1, "nodePort": 30181, "adminNodePort": 30081}],
            "annotations": {"example.org/pool": "public"},
        },
        "networkPolicy": {
            "clients": [
                {"podSelector": {"matchLabels": {"app": "shop"}}},
                {"ipBlock": {"cidr": "10.0.0.0/8"}},
            ],
            "extraIngress": [{"ports": [{"port": 9141}], "from": [{"podSelector": {}}]}],
        },
        "podTemplate": {
            "metadata": {"labels": {"team": "platform"}},
            "spec": {
                "serviceAccountName": "zookeeper",
                "nodeSelector": {"disk": "ssd"},
                "containers": [
                    {"name": "zookeeper", "env": [{"name": "TZ", "value": "UTC"}]},
                    {"name": "shipper", "image": "shipper:1"},
                ],
            },
        },
    },
}


def target(name: str) -> Target:
    of = ensemble(**ENSEMBLES[name])
    founders = tuple(of.voter_ids)
    return build_target(of, Membership(tuple(map(of.server, founders)), 0, founders, of.uid))


def statefulsets(of: Target, config: Object, auth: Object) -> Iterator[Object]:
    for component, replicas in (
        (names.VOTER, of.spec.replicas),
        (names.OBSERVER, of.spec.observers.replicas),
    ):
        if replicas:
            yield build_statefulset(
                of,
                component,
                replicas=replicas,
                config=config["metadata"]["name"],
                auth_hash=content_hash(auth["data"]),
            )


def children(of: Target) -> Iterator[Object]:
    asked = ensemble(**of.spec.model_dump(by_alias=True))
    ids = (*asked.voter_ids, *asked.observer_ids)
    config, auth = build_config(of), build_auth(of, "password")
    yield auth
    # The files are the same for everyone and stand in the source.
    yield {**config, "data": {"zoo.cfg": config["data"]["zoo.cfg"]}}
    yield build_membership(of)
    yield build_members_service(of)
    yield build_client_service(of)
    for member_id in ids:
        yield build_member_service(of, member_id)
        if of.spec.external is not None:
            yield build_external_service(of, member_id)
    yield build_connection(of)
    yield build_binding(of)
    yield build_disruption_budget(of)
    if of.spec.network_policy.enabled:
        yield build_network_policy(of)
    yield from statefulsets(of, config, auth)


class Dumper(yaml.SafeDumper):
    """Texts of several lines as they are read, and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, _text)


@pytest.mark.parametrize("name", ENSEMBLES)
def test_manifests(name: str) -> None:
    of = target(name)
    asked = replace(
        ensemble(**ENSEMBLES[name]), allowed_privileges=frozenset({"serviceAccountName"})
    )
    assert pod_template_problems(asked) == ()
    found = yaml.dump_all(children(of), Dumper=Dumper, sort_keys=False, width=120)
    path = FOLDER / f"{name}.yaml"
    if UPDATE:
        path.write_text(found)
    assert found == path.read_text(), "review the difference, then set UPDATE_GOLDEN=1"


def rendered() -> str:
    """A hash of every pod template and every `NAME-config`, files included."""
    found = []
    for name in ENSEMBLES:
        of = target(name)
        config, auth = build_config(of), build_auth(of, "password")
        templates = [body["spec"]["template"] for body in statefulsets(of, config, auth)]
        found.append([config["data"], templates])
    return content_hash(found)


def test_the_revision_is_raised_with_every_change_of_what_is_rendered() -> None:
    """Otherwise an upgrade of the operator would restart every member of every ensemble."""
    found = {"revision": BUILDER_REVISION, "rendered": rendered()}
    recorded: dict[str, Any] = json.loads(REVISION_FILE.read_text())
    if recorded["rendered"] != found["rendered"]:
        assert recorded["revision"] < BUILDER_REVISION, (
            "pod templates or NAME-config have changed: raise BUILDER_REVISION in ensemble/build/__init__.py"
            ", then set UPDATE_GOLDEN=1"
        )
    if UPDATE:
        REVISION_FILE.write_text(json.dumps(found, indent=2) + "\n")
    else:
        assert recorded == found, "set UPDATE_GOLDEN=1 to record it"

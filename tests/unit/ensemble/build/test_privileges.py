"""Which privileges a pod template asks for."""

from typing import Any

import pytest

from zookeeper_operator.api.privileges import PRIVILEGES
from zookeeper_operator.ensemble.build.privileges import requested_privileges


def pod(**fields: Any) -> dict[str, Any]:
    return {"spec": fields}


def container(name: str = "zookeeper", **fields: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": name, **fields}]}}


def context(name: str = "zookeeper", **fields: Any) -> dict[str, Any]:
    return container(name, securityContext=fields)


TOKEN = {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
ASKED: list[tuple[dict[str, Any], str]] = [
    (pod(hostPID=True), "hostPID"),
    (pod(hostIPC=True), "hostIPC"),
    (pod(serviceAccountName="admin"), "serviceAccountName"),
    (pod(serviceAccount="admin"), "serviceAccountName"),
    (pod(automountServiceAccountToken=True), "automountServiceAccountToken"),
    (pod(automountServiceAccountToken=None), "automountServiceAccountToken"),
    (pod(volumes=[{"name": "a", **TOKEN}]), "automountServiceAccountToken"),
    (pod(volumes=[{"name": "a", "hostPath": {"path": "/"}}]), "hostPath"),
    (pod(securityContext=None), "runAsUser"),
    (pod(securityContext={"runAsUser": 0}), "runAsUser"),
    (pod(securityContext={"runAsNonRoot": False}), "runAsUser"),
    (pod(securityContext={"runAsNonRoot": None}), "runAsUser"),
    (pod(securityContext={"seccompProfile": {"type": "Unconfined"}}), "seccompProfile"),
    (pod(securityContext={"seccompProfile": None}), "seccompProfile"),
    (pod(securityContext={"appArmorProfile": {"type": "Unconfined"}}), "appArmorProfile"),
    (pod(securityContext={"seLinuxOptions": {"type": "spc_t"}}), "seLinuxOptions"),
    (pod(securityContext={"seLinuxOptions": {"user": "system_u"}}), "seLinuxOptions"),
    (pod(securityContext={"sysctls": [{"name": "a", "value": "1"}]}), "sysctls"),
    (pod(securityContext={"windowsOptions": {"hostProcess": True}}), "windowsOptions"),
    (context(privileged=True), "privileged"),
    (context("side", privileged=True), "privileged"),
    (context(allowPrivilegeEscalation=True), "allowPrivilegeEscalation"),
    (context(allowPrivilegeEscalation=None), "allowPrivilegeEscalation"),
    (context(capabilities={"add": ["NET_ADMIN"]}), "capabilities"),
    (context(capabilities={"drop": []}), "capabilities"),
    (context(capabilities=None), "capabilities"),
    (context("side", capabilities={"add": ["NET_ADMIN"]}), "capabilities"),
    (context(procMount="Unmasked"), "procMount"),
    (context("side", runAsUser=0), "runAsUser"),
    (container(ports=[{"containerPort": 7, "hostPort": 7}]), "hostPort"),
    (
        {"spec": {"initContainers": [{"name": "i", "securityContext": {"privileged": True}}]}},
        "privileged",
    ),
    (
        {
            "metadata": {
                "annotations": {
                    "container.apparmor.security.beta.kubernetes.io/zookeeper": "unconfined"
                }
            }
        },
        "appArmorProfile",
    ),
]


@pytest.mark.parametrize(("template", "privilege"), ASKED)
def test_a_field_that_raises_privileges_is_found(template: dict[str, Any], privilege: str) -> None:
    (request,) = requested_privileges(template)
    assert request.privilege == privilege
    assert request.path.startswith(("spec.", "metadata."))


def test_every_privilege_is_asked_for_in_a_case() -> None:
    assert {privilege for _, privilege in ASKED} == set(PRIVILEGES)


@pytest.mark.parametrize(
    "template",
    [
        {},
        {"metadata": None, "spec": None},
        pod(hostPID=False, automountServiceAccountToken=False, serviceAccountName="default"),
        pod(volumes=[{"name": "a", "secret": {"secretName": "a"}}, "text"]),
        pod(securityContext={"runAsUser": 2000, "fsGroup": 0, "sysctls": []}),
        pod(securityContext={"seLinuxOptions": {"level": "s0:c1", "type": "container_t"}}),
        pod(securityContext={"seccompProfile": {"type": "Localhost", "localhostProfile": "a"}}),
        context(readOnlyRootFilesystem=False, capabilities={"drop": ["ALL"]}),
        context("side", capabilities=None, allowPrivilegeEscalation=None),
        container("side", securityContext=None),
        container(ports=[{"containerPort": 7000}]),
    ],
)
def test_what_raises_nothing_is_free(template: dict[str, Any]) -> None:
    assert list(requested_privileges(template)) == []

"""Which privileges a user's `spec.podTemplate` asks for.

Judged is what the user has written, nulls included: a null removes what the operator sets, and with it a
limit. What each privilege gives is in `api.privileges`. A shared network of the node is none of them: it is
refused in any case, since two members on one node would want the same ports.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from zookeeper_operator.api.privileges import Privilege
from zookeeper_operator.ensemble import names

_OLD_APPARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
_SAFE_SELINUX_TYPES: Final = frozenset(
    {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
)
_UNCONFINED: Final = "unconfined"


@dataclass(frozen=True)
class Request:
    """A privilege that a pod template asks for: the field, where it is, and the part that asks for it."""

    privilege: Privilege
    path: str
    part: Mapping[str, Any]


def requested_privileges(template: Mapping[str, Any]) -> Iterator[Request]:
    """Every privilege that a part of a pod template asks for."""
    annotations = _map(_map(template.get("metadata")).get("annotations"))
    for key, value in sorted(annotations.items()):
        if key.startswith(_OLD_APPARMOR) and value == _UNCONFINED:
            part = {"metadata": {"annotations": {key: value}}}
            yield Request("appArmorProfile", f"metadata.annotations.{key}", part)
    spec = _map(template.get("spec"))
    yield from _of_pod(spec)
    for kind in ("containers", "initContainers"):
        for container in _named(spec.get(kind)):
            yield from _of_container(kind, container)


def _of_pod(spec: Mapping[str, Any]) -> Iterator[Request]:
    for key, privilege in _POD_FIELDS.items():
        if key in spec and _asks(key, spec[key]):
            yield Request(privilege, f"spec.{key}", {"spec": {key: spec[key]}})
    for volume in _named(spec.get("volumes")):
        part = {"spec": {"volumes": [dict(volume)]}}
        path = f"spec.volumes[{volume['name']}]"
        if volume.get("hostPath") is not None:
            yield Request("hostPath", f"{path}.hostPath", part)
        sources = _map(volume.get("projected")).get("sources")
        for source in sources if isinstance(sources, list) else []:
            if isinstance(source, Mapping) and source.get("serviceAccountToken") is not None:
                where = f"{path}.projected.sources.serviceAccountToken"
                yield Request("automountServiceAccountToken", where, part)
                break
    if "securityContext" in spec:
        for privilege, field, inner in _of_security_context(spec["securityContext"], ours=True):
            part = {"spec": {"securityContext": inner}}
            yield Request(privilege, f"spec.securityContext{field}", part)


_POD_FIELDS: Final[Mapping[str, Privilege]] = {
    "hostPID": "hostPID",
    "hostIPC": "hostIPC",
    "serviceAccountName": "serviceAccountName",
    "serviceAccount": "serviceAccountName",
    "automountServiceAccountToken": "automountServiceAccountToken",
}


def _asks(key: str, value: Any) -> bool:
    if key.startswith("serviceAccount"):
        return value not in (None, "", "default")
    # A null takes our `false` away, and the default of Kubernetes is to mount the token.
    return value is not False if key == "automountServiceAccountToken" else value is True


def _of_container(kind: str, container: Mapping[str, Any]) -> Iterator[Request]:
    name = container["name"]
    ours = kind == "containers" and name == names.CONTAINER
    path = f"spec.{kind}[{name}]"
    for port in container.get("ports") or []:
        if isinstance(port, Mapping) and port.get("hostPort"):
            part = {"spec": {kind: [{"name": name, "ports": [dict(port)]}]}}
            yield Request("hostPort", f"{path}.ports.hostPort", part)
    if "securityContext" not in container:
        return
    for privilege, field, inner in _of_security_context(container["securityContext"], ours=ours):
        part = {"spec": {kind: [{"name": name, "securityContext": inner}]}}
        yield Request(privilege, f"{path}.securityContext{field}", part)


def _of_security_context(context: Any, *, ours: bool) -> Iterator[tuple[Privilege, str, Any]]:
    """Privilege, field and part of what a security context asks for; `ours`: it is laid over one of ours."""
    if not isinstance(context, Mapping):
        if ours:
            yield "runAsUser", "", None
        return
    for key, value in sorted(context.items()):
        privilege = _privilege_of(key, value, ours=ours)
        if privilege is not None:
            yield privilege, f".{key}", {key: value}


def _privilege_of(key: str, value: Any, *, ours: bool) -> Privilege | None:
    if value is None:
        return _REMOVED.get(key) if ours else None
    match key:
        case "privileged" | "allowPrivilegeEscalation" if value is True:
            return "privileged" if key == "privileged" else "allowPrivilegeEscalation"
        case "runAsUser" if value == 0:
            return "runAsUser"
        case "runAsNonRoot" if value is False:
            return "runAsUser"
        case "capabilities":
            capabilities = _map(value)
            removed = ours and "drop" in capabilities and "ALL" not in (capabilities["drop"] or [])
            return "capabilities" if capabilities.get("add") or removed else None
        case "procMount" if value != "Default":
            return "procMount"
        case "seccompProfile" if _map(value).get("type", _UNCONFINED).lower() == _UNCONFINED:
            return "seccompProfile"
        case "appArmorProfile" if _map(value).get("type", "").lower() == _UNCONFINED:
            return "appArmorProfile"
        case "seLinuxOptions":
            options = _map(value)
            free = not options.get("user") and not options.get("role")
            safe = free and options.get("type", "") in _SAFE_SELINUX_TYPES
            return None if safe else "seLinuxOptions"
        case "sysctls" if value:
            return "sysctls"
        case "windowsOptions" if value:
            return "windowsOptions"
    return None


_REMOVED: Final[Mapping[str, Privilege]] = {
    "allowPrivilegeEscalation": "allowPrivilegeEscalation",
    "capabilities": "capabilities",
    "runAsNonRoot": "runAsUser",
    "runAsUser": "runAsUser",
    "seccompProfile": "seccompProfile",
}
"""What a null gives where the operator has set a limit."""


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _named(items: Any) -> list[Mapping[str, Any]]:
    if not isinstance(items, list):
        return []
    return [i for i in items if isinstance(i, Mapping) and isinstance(i.get("name"), str)]

"""What a user's `spec.podTemplate` may not touch.

Everything is allowed except what a promise depends on: who a member is, where it is reached, how it is
probed, where its data is, and what the status is read from. The answers say what to use instead.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from zookeeper_operator.api.privileges import PRIVILEGES
from zookeeper_operator.api.schema.known_keys import OWN_PORTS
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.auth import SUPER_USER_DIRECTORY
from zookeeper_operator.ensemble.build.objection import Objection
from zookeeper_operator.ensemble.build.objects import common_labels
from zookeeper_operator.ensemble.build.privileges import requested_privileges
from zookeeper_operator.ensemble.build.restore import RESTORE_VOLUMES
from zookeeper_operator.ensemble.build.security import CERTIFICATES_DIRECTORY, USERS_DIRECTORY
from zookeeper_operator.ensemble.build.sidecars import declared_ports, running_containers
from zookeeper_operator.ensemble.build.variables import OWN_ENVIRONMENT, refusal_of_variable
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.kube.quantity import is_quantity

OWN_VOLUMES: Final = (
    names.DATA_VOLUME,
    names.LOG_VOLUME,
    names.CONFIG_VOLUME,
    "membership",
    "scratch",
)
TLS_VOLUMES: Final = (names.TLS_VOLUME, names.CERTIFICATES_VOLUME)
TLS_MOUNTS: Final = ("/tls", CERTIFICATES_DIRECTORY)
"""Further ones of an ensemble with TLS; others may use these names."""
OWN_MOUNTS: Final = ("/data", "/datalog", "/conf", "/config", "/membership", "/logs", "/tmp")  # noqa: S108
_START_MOUNTS: Final = ("/bin", "/dev", "/docker-entrypoint.sh", "/proc", "/usr")
"""What the start of a member and its last message depend on."""
_IDENTITY: Final = "a member is known by its name"
_POD_KEYS: Final[Mapping[str, str]] = {
    "hostname": _IDENTITY,
    "subdomain": _IDENTITY,
    "setHostnameAsFQDN": _IDENTITY,
    "hostNetwork": "two members on one node would want the same ports, and the NetworkPolicy would "
    "not apply",
    "restartPolicy": "a member that ends is always restarted",
    "activeDeadlineSeconds": "members must not end",
    "ephemeralContainers": "use kubectl debug",
}
_IMAGE: Final = "use spec.image"
_COMMAND: Final = "the start script checks the volume and the membership"
_PROBE: Final = "the probes of the operator recognise a member without a quorum"
_REPORT: Final = "the status is read from it"
_CONTAINER_KEYS: Final[Mapping[str, str]] = {
    "image": _IMAGE,
    "imagePullPolicy": _IMAGE,
    "command": _COMMAND,
    "args": _COMMAND,
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "startupProbe": _PROBE,
    "resources": "use spec.resources, from which the heap is computed",
    "terminationMessagePath": _REPORT,
    "terminationMessagePolicy": _REPORT,
    "restartPolicy": "a member that ends is always restarted",
}
_QUANTITY_MAPS: Final = frozenset({"requests", "limits", "overhead"})
_QUANTITIES: Final = frozenset({"sizeLimit", "divisor"})
_ANNOTATION_PREFIX: Final = f"{names.GROUP}/"


def pod_template_problems(ensemble: Ensemble) -> tuple[Objection, ...]:
    """Every reason why `spec.podTemplate` cannot be used; empty if it can."""
    template = ensemble.spec.pod_template
    return (
        *map(Objection, _problems(ensemble, template)),
        *(map(Objection, _tls_problems(template)) if ensemble.spec.tls is not None else ()),
        *(map(Objection, _restore_problems(template)) if ensemble.spec.bootstrap else ()),
        *(map(Objection, _users_problems(template)) if ensemble.spec.auth is not None else ()),
        *_super_user_problems(template),
        *_bypasses(template),
        *_privileges(ensemble, template),
    )


def _privileges(ensemble: Ensemble, template: Mapping[str, Any]) -> Iterator[Objection]:
    """Privileges that the installation of the operator does not allow."""
    for request in requested_privileges(template):
        name = request.privilege
        if name not in ensemble.allowed_privileges:
            yield Objection(
                f"spec.podTemplate.{request.path} raises privileges: {PRIVILEGES[name]}; remove it, or have "
                f"the operator installed with podTemplate.allowPrivileged: [{name}]",
                request.part,
                privileged=True,
            )


def _super_user_problems(template: Mapping[str, Any]) -> Iterator[Objection]:
    """Names that earlier versions of the operator left to the user."""
    spec = template.get("spec", {})
    if not isinstance(spec, Mapping):
        return
    why = "is owned by the operator: the digest of the super user is there"
    for volume in _named(spec.get("volumes", [])):
        if volume["name"] == names.SUPER_USER_VOLUME:
            yield Objection(
                f"spec.podTemplate.spec.volumes: {volume['name']} {why}; give the volume another name",
                {"spec": {"volumes": [dict(volume)]}},
            )
    for kind, container in running_containers(template):
        if kind != "containers" or container["name"] != names.CONTAINER:
            continue
        for mount in _list(container, "volumeMounts"):
            path = _mount_path(mount)
            if _is_at(path, (SUPER_USER_DIRECTORY,)):
                yield Objection(
                    f"spec.podTemplate.spec.containers[{names.CONTAINER}].volumeMounts: {path} {why}; mount "
                    "it elsewhere",
                    _of_container(volumeMounts=[dict(mount)]),
                )


def _bypasses(template: Mapping[str, Any]) -> Iterator[Objection]:
    """Ways past the rules for other fields, by the ZooKeeper container or by one of its ports."""
    for kind, container in running_containers(template):
        yield from _port_problems(kind, container)
        if kind == "containers" and container["name"] == names.CONTAINER:
            yield from _container_bypasses(container)


def _container_bypasses(container: Mapping[str, Any]) -> Iterator[Objection]:
    where = f"spec.podTemplate.spec.containers[{names.CONTAINER}]"
    for variable in _named(_list(container, "env")):
        name = variable["name"]
        why = refusal_of_variable(name)
        if why is not None:
            part = None if name in OWN_ENVIRONMENT else _of_container(env=[dict(variable)])
            yield Objection(f"{where}.env: {name} is owned by the operator: {why}", part)
    if sources := _list(container, "envFrom"):
        yield Objection(
            f"{where}.envFrom could set variables that are owned by the operator; name each variable in env",
            _of_container(envFrom=sources),
        )
    for mount in _list(container, "volumeMounts"):
        path = _mount_path(mount)
        if _is_at(path, _START_MOUNTS):
            yield Objection(
                f"{where}.volumeMounts: {path} is owned by the operator: {_COMMAND}",
                _of_container(volumeMounts=[dict(mount)]),
            )


def _of_container(**fields: Any) -> Mapping[str, Any]:
    return {"spec": {"containers": [{"name": names.CONTAINER, **fields}]}}


def _problems(ensemble: Ensemble, template: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(template.keys() - {"metadata", "spec"}):
        yield f"spec.podTemplate.{key} is not a part of a pod template; only metadata and spec are"
    metadata, spec = template.get("metadata", {}), template.get("spec", {})
    if isinstance(metadata, Mapping):
        yield from _metadata_problems(ensemble, metadata)
    else:
        yield "spec.podTemplate.metadata must be a map"
    if isinstance(spec, Mapping):
        yield from _spec_problems(spec)
        yield from _quantity_problems(spec)
    else:
        yield "spec.podTemplate.spec must be a map"


def _metadata_problems(ensemble: Ensemble, metadata: Mapping[str, Any]) -> Iterator[str]:
    where = "spec.podTemplate.metadata"
    for key in sorted(metadata.keys() - {"labels", "annotations"}):
        yield f"{where}.{key} cannot be set; only labels and annotations can"
    labels, annotations = metadata.get("labels", {}), metadata.get("annotations", {})
    own = {*common_labels(ensemble.name), names.LABEL_COMPONENT}
    for key in _keys(labels):
        if key in own or key.startswith(_ANNOTATION_PREFIX):
            yield f"{where}.labels.{key} is owned by the operator: members are found by it"
    for key in _keys(annotations):
        if key.startswith(_ANNOTATION_PREFIX):
            yield f"{where}.annotations.{key} is owned by the operator"
    for name, value in (("labels", labels), ("annotations", annotations)):
        if not isinstance(value, Mapping) or not all(isinstance(v, str) for v in value.values()):
            yield f"{where}.{name} must be a map of strings"


def _restore_problems(template: Mapping[str, Any]) -> Iterator[str]:
    """Names that the restore of the first member needs."""
    spec = template.get("spec", {})
    if not isinstance(spec, Mapping):
        return
    where, why = "spec.podTemplate.spec", "is owned by the operator where spec.bootstrap is set"
    for volume in _named(spec.get("volumes", [])):
        if volume["name"] in RESTORE_VOLUMES:
            yield f"{where}.volumes: {volume['name']} {why}; give the volume another name"
    for kind in ("containers", "initContainers"):
        for container in _named(spec.get(kind, [])):
            if container["name"] == names.RESTORE:
                yield f"{where}.{kind}: {names.RESTORE} {why}; give the container another name"


def _tls_problems(template: Mapping[str, Any]) -> Iterator[str]:
    """What a template may have without TLS, and not with it."""
    why = "is owned by the operator where spec.tls is set"
    yield from _volume_problems(template, TLS_VOLUMES, TLS_MOUNTS, why)
    for kind, container in running_containers(template):
        at = f"spec.podTemplate.spec.{kind}[{container['name']}]"
        for port in declared_ports(container):
            if port.get("containerPort") == names.SECURE_CLIENT_PORT:
                yield f"{at}.ports: {names.SECURE_CLIENT_PORT} {why}: clients with TLS use it"


def _users_problems(template: Mapping[str, Any]) -> Iterator[str]:
    """What a template may have without users, and not with them."""
    why = "is owned by the operator where spec.auth is set"
    yield from _volume_problems(template, (names.USERS_VOLUME,), (USERS_DIRECTORY,), why)


def _volume_problems(
    template: Mapping[str, Any], volumes: tuple[str, ...], mounts: tuple[str, ...], why: str
) -> Iterator[str]:
    """Volumes that have these names, and mounts of the ZooKeeper container at these paths."""
    spec = template.get("spec", {})
    if not isinstance(spec, Mapping):
        return
    where = "spec.podTemplate.spec"
    for volume in _named(spec.get("volumes", [])):
        if volume["name"] in volumes:
            yield f"{where}.volumes: {volume['name']} {why}; give the volume another name"
    for kind, container in running_containers(template):
        if kind != "containers" or container["name"] != names.CONTAINER:
            continue
        for mount in _list(container, "volumeMounts"):
            path = _mount_path(mount)
            if _is_at(path, mounts):
                at = f"{where}.{kind}[{container['name']}]"
                yield f"{at}.volumeMounts: {path} {why}; mount it elsewhere"


def _keys(value: Any) -> list[str]:
    return sorted(value) if isinstance(value, Mapping) else []


def _spec_problems(spec: Mapping[str, Any]) -> Iterator[str]:
    where = "spec.podTemplate.spec"
    for key in sorted(_POD_KEYS.keys() & spec.keys()):
        yield f"{where}.{key} is owned by the operator: {_POD_KEYS[key]}"
    for volume in _named(spec.get("volumes", [])):
        if volume["name"] in OWN_VOLUMES:
            yield f"{where}.volumes: {volume['name']} is owned by the operator"
    for kind in ("containers", "initContainers", "volumes"):
        items = spec.get(kind, [])
        if not isinstance(items, list) or len(_named(items)) != len(items):
            yield f"{where}.{kind} must be a list of items with a name"
    for container in _named(spec.get("containers", [])):
        name = container["name"]
        if name == names.CONTAINER:
            yield from _container_problems(container, f"{where}.containers[{name}]")
    for container in _named(spec.get("initContainers", [])):
        if container["name"] == names.CONTAINER:
            yield f"{where}.initContainers: {names.CONTAINER} is the name of the member itself"


def _quantity_problems(spec: Mapping[str, Any]) -> Iterator[str]:
    """Quantities at any depth that are none: the API server and we would compute with them."""
    left: list[tuple[str, Any]] = [("spec.podTemplate.spec", spec)]
    while left:
        where, value = left.pop()
        if isinstance(value, list):
            left.extend((f"{where}[{index}]", item) for index, item in enumerate(value))
        if not isinstance(value, Mapping):
            continue
        for key, found in value.items():
            quantities = (
                found if key in _QUANTITY_MAPS else {"": found} if key in _QUANTITIES else {}
            )
            if isinstance(quantities, Mapping):
                for name, quantity in quantities.items():
                    if quantity is not None and not is_quantity(quantity):
                        at = f"{where}.{key}.{name}".rstrip(".")
                        yield f"{at} is not a quantity; write for example 100m or 5Gi"
            left.append((f"{where}.{key}", found))


def _named(items: Any) -> list[Mapping[str, Any]]:
    if not isinstance(items, list):
        return []
    return [i for i in items if isinstance(i, Mapping) and isinstance(i.get("name"), str)]


def _container_problems(container: Mapping[str, Any], where: str) -> Iterator[str]:
    for key in sorted(_CONTAINER_KEYS.keys() & container.keys()):
        yield f"{where}.{key} is owned by the operator: {_CONTAINER_KEYS[key]}"
    for mount in _list(container, "volumeMounts"):
        path = _mount_path(mount)
        if path == "" or _is_at(path, OWN_MOUNTS):
            yield f"{where}.volumeMounts: {path or '/'} is owned by the operator"
    for key in ("env", "envFrom", "volumeMounts", "ports"):
        if not isinstance(container.get(key, []), list):
            yield f"{where}.{key} must be a list"


def _mount_path(mount: Any) -> str:
    return str(mount.get("mountPath", "")).rstrip("/") if isinstance(mount, Mapping) else ""


def _is_at(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)


def _port_problems(kind: str, container: Mapping[str, Any]) -> Iterator[Objection]:
    name = container["name"]
    for port in declared_ports(container):
        number = port.get("containerPort")
        if isinstance(number, int) and number in OWN_PORTS:
            yield Objection(
                f"spec.podTemplate.spec.{kind}[{name}].ports: {number} is owned by the operator: the member "
                f"listens on it for {OWN_PORTS[number]}",
                _declared(kind, name, port),
            )


def _declared(kind: str, name: str, port: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The part that declares a port; None for a port of the ZooKeeper container, which every template has."""
    if name == names.CONTAINER:
        return None
    return {"spec": {kind: [{"name": name, "ports": [dict(port)]}]}}


def _list(container: Mapping[str, Any], key: str) -> list[Any]:
    items = container.get(key, [])
    return items if isinstance(items, list) else []

"""An edit that has not been made yet: read from a file, and shown to the planner as if it had.

Nothing is written: the way to the API server that the edit is observed through refuses to write.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import yaml

from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import Kube, Object, Resource

_ABSENT: Final = "(not set)"


def read_ensembles(text: str | bytes, source: str) -> list[Object]:
    """Read the ensembles of a file; other objects in it are passed over.

    Raises:
        Failure: it is no YAML, or there is no ensemble in it.
    """
    try:
        documents = list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        raise Failure(f"{source} is not YAML: {error}") from error
    found = [
        item
        for document in documents
        if isinstance(document, dict)
        for item in (document.get("items") if document.get("kind") == "List" else [document]) or []
        if isinstance(item, dict)
        and item.get("kind") == names.KIND
        and str(item.get("apiVersion", "")).startswith(f"{names.GROUP}/")
    ]
    if not found:
        raise Failure(f"there is no {names.KIND} in {source}")
    for body in found:
        if not (isinstance(body.get("metadata"), dict) and body["metadata"].get("name")):
            raise Failure(f"a {names.KIND} in {source} has no metadata.name")
    return found


def pick_ensemble(bodies: Sequence[Object], name: str, source: str) -> Object:
    """Pick the one that is meant: by its name, or because it is the only one.

    Raises:
        Failure: none has the name, or several could be meant.
    """
    known = ", ".join(str(body["metadata"]["name"]) for body in bodies)
    if not name and len(bodies) > 1:
        raise Failure(f"{source} has several ensembles, name one of them: {known}")
    found = next((b for b in bodies if not name or b["metadata"]["name"] == name), None)
    if found is None:
        raise Failure(f"there is no ensemble {name} in {source}, only: {known}")
    return found


def merge_edit(live: Object | None, edited: Object, namespace: str) -> Object:
    """Put the spec of a file in the place of the live one, when the API server cannot be asked to.

    Unlike the API server this fills in no defaults and checks nothing.
    """
    metadata = edited["metadata"]
    if live is None:
        made = {"namespace": namespace, "uid": str(uuid.uuid4()), "generation": 1}
        return {**edited, "metadata": {**metadata, **made}}
    annotations = {
        **(live["metadata"].get("annotations") or {}),
        **(metadata.get("annotations") or {}),
    }
    return {
        **live,
        "metadata": {**live["metadata"], "annotations": annotations},
        "spec": edited.get("spec") or {},
    }


@dataclass(frozen=True)
class Change:
    """One value of the spec that the edit changes."""

    path: str
    old: str
    new: str


def find_changes(old: Object | None, new: Object) -> tuple[Change, ...]:
    """List what an edit changes of what the operator reads: the spec, and the request for a restart."""
    before = (old or {}).get("spec") or {}
    changes = list(_differences(before, new.get("spec") or {}, "spec"))
    restarts = [_restarted_at(body) for body in (old or {}, new)]
    if restarts[0] != restarts[1]:
        named = f"metadata.annotations[{names.ANNOTATION_RESTARTED_AT}]"
        changes.append(Change(named, restarts[0] or _ABSENT, restarts[1] or _ABSENT))
    return tuple(changes)


def _restarted_at(body: Mapping[str, Any]) -> str:
    annotations = (body.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(names.ANNOTATION_RESTARTED_AT, ""))


def _differences(old: Any, new: Any, path: str) -> Iterable[Change]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}, key=str):
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}")
    elif isinstance(new, Mapping) and old is None:
        for key in sorted(new, key=str):
            yield from _differences(None, new[key], f"{path}.{key}")
    elif old != new:
        yield Change(path, _shown(old), _shown(new))


def _shown(value: Any) -> str:
    if value is None:
        return _ABSENT
    if isinstance(value, str):
        return value or '""'
    return yaml.safe_dump(value, default_flow_style=True, width=1000).strip().removesuffix("\n...")


class EditedKube:
    """`kube.api.Kube` that shows one ensemble as it would be after the edit, and refuses every write."""

    def __init__(self, kube: Kube, edited: Object) -> None:
        self._kube = kube
        self._edited = edited

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
        """Read one object live; the edited one as edited."""
        metadata = self._edited["metadata"]
        if resource.kind == names.KIND and (namespace, name) == (
            metadata["namespace"],
            metadata["name"],
        ):
            return self._edited
        return await self._kube.get(resource, namespace, name)

    async def get_metadata(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Read one object's metadata live."""
        return await self._kube.get_metadata(resource, namespace, name)

    async def list(
        self, resource: Resource, namespace: str | None, *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        """Read all objects that match both selectors, live."""
        return await self._kube.list(resource, namespace, labels=labels, fields=fields)

    async def apply(self, resource: Resource, body: Object) -> Object:
        """Refuse."""
        _refuse(resource, body)

    async def patch(self, resource: Resource, body: Object) -> Object:
        """Refuse."""
        _refuse(resource, body)

    async def apply_status(self, resource: Resource, body: Object) -> Object:
        """Refuse."""
        _refuse(resource, body)

    async def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str, orphan: bool = False
    ) -> None:
        """Refuse."""
        del namespace, uid, orphan
        _refuse(resource, {"metadata": {"name": name}})

    async def create(self, resource: Resource, body: Object) -> Object:
        """Refuse."""
        _refuse(resource, body)


def _refuse(resource: Resource, body: Object) -> NoReturn:
    raise AssertionError(f"a forecast writes nothing: {resource.kind} {body['metadata']['name']}")

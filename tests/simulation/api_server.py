"""The Kubernetes API server and its garbage collector, as far as the operator can tell.

Simulated: resourceVersion and uid, generation (raised by a change of spec), server-side apply by one
field manager including the removal of fields it applied before (unless who made the object set them
too), immutable fields of StatefulSets and claims, delete preconditions by uid, orphaning and background
deletion along owner references, also of what is created for an owner that is gone, the protection of
claims that a pod uses and the time they take to go, graceful deletion of pods (the kubelet finishes it),
lists of an earlier moment. Left out: defaulting, admission, several versions, several namespaces.

Stored objects are never changed in place, every change stores a new one; so a reader may keep what it
got, and an old list costs nothing.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from tests.simulation.stage import Stage

from zookeeper_operator.kube.api import KubeError, Object
from zookeeper_operator.kube.quantity import parse_quantity

NAMESPACE = "demo"
_REMEMBERED_SECONDS = 5.0
# A volume is detached and deleted before its claim goes.
_RELEASE = (0.1, 4.0)
_IMMUTABLE = {
    "StatefulSet": ("volumeClaimTemplates", "serviceName", "selector", "podManagementPolicy"),
    "PersistentVolumeClaim": ("storageClassName", "accessModes", "volumeName"),
}

Listener = Callable[[Object | None, Object | None], None]
"""Told (before, after) of every change; None stands for "was not there" and "is gone"."""


class ApiServer:
    """All objects of one namespace, and the cluster-wide ones."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._objects: dict[str, dict[str, Object]] = {}
        self._past: dict[str, deque[tuple[float, dict[str, Object]]]] = {}
        self._applied: dict[tuple[str, str], Object] = {}
        self._made: dict[tuple[str, str], Object] = {}
        self._version = 100
        self._uids: dict[str, int] = {}
        self._gone: set[str] = set()
        self.listeners: list[Listener] = []

    # ------------------------------------------------------------------ reading

    def get(self, kind: str, name: str) -> Object | None:
        """One object as it is now."""
        return self._objects.get(kind, {}).get(name)

    def all(self, kind: str, *, age: float = 0.0) -> list[Object]:
        """All objects of a kind as they were `age` seconds ago, by name."""
        found = self._objects.get(kind, {})
        if age > 0:
            then = self._stage.now - age
            for until, before in reversed(self._past.get(kind, ())):
                if until <= then:
                    break
                found = before
        return [found[name] for name in sorted(found)]

    def owned_by(self, uid: str) -> Iterator[Object]:
        """Everything with an owner reference to that uid."""
        for objects in list(self._objects.values()):
            for body in list(objects.values()):
                if any(o["uid"] == uid for o in body["metadata"].get("ownerReferences") or []):
                    yield body

    # ------------------------------------------------------------------ writing

    def create(self, body: Object) -> Object:
        """Store a new object.

        Raises:
            KubeError: there is one of that name.
        """
        kind, name = body["kind"], body["metadata"]["name"]
        if self.get(kind, name) is not None:
            raise KubeError(409, "AlreadyExists", f"{kind} {name} already exists")
        self._made[(kind, name)] = body
        number = self._uids[kind] = self._uids.get(kind, 0) + 1
        metadata = {
            **body["metadata"],
            "namespace": NAMESPACE,
            "uid": f"{kind.lower()}-{name}-{number}",
            "generation": 1,
            "creationTimestamp": self._stage.timestamp(),
        }
        created = self._store(None, {**body, "metadata": metadata})
        for owner in metadata.get("ownerReferences") or []:
            if owner["uid"] in self._gone:
                self._stage.later(0.05, 0.5, self._collect, owner["uid"])
        return created

    def change(self, body: Object, **parts: Any) -> Object:
        """Replace parts (`spec`, `status`, `metadata`) of an object; nothing happens if none differs."""
        changed = {**body, **parts}
        if changed == body:
            return body
        if "spec" in parts and parts["spec"] != body.get("spec"):
            metadata = changed["metadata"]
            changed["metadata"] = {**metadata, "generation": metadata.get("generation", 0) + 1}
        return self._store(body, changed)

    def apply(self, body: Object) -> Object:
        """Server-side apply by the operator, conflicts forced.

        Raises:
            KubeError: a uid that is not the object's, or a change of what cannot be changed.
        """
        kind, name = body["kind"], body["metadata"]["name"]
        live = self.get(kind, name)
        asked = body["metadata"].get("uid")
        intent = {k: v for k, v in body.items() if k != "status"}
        version = body["metadata"].get("resourceVersion")
        if version is not None and (live is None or live["metadata"]["resourceVersion"] != version):
            raise KubeError(409, "Conflict", f"{kind} {name} has been modified")
        known = {"uid", "resourceVersion"}
        intent["metadata"] = {k: v for k, v in body["metadata"].items() if k not in known}
        if live is None:
            if asked is not None:
                raise KubeError(409, "Conflict", f"{kind} {name} with uid {asked} is gone")
            self._applied[(kind, name)] = intent
            created = self.create(intent)
            del self._made[(kind, name)]
            return created
        if asked is not None and asked != live["metadata"]["uid"]:
            raise KubeError(409, "Conflict", f"the uid of {kind} {name} is another one")
        before = self._applied.get((kind, name), {})
        merged = _merge(live, intent, before, self._made.get((kind, name), {}))
        _refuse_immutable(live, merged)
        _refuse_invalid(live, merged)
        self._applied[(kind, name)] = intent
        parts = {k: v for k, v in merged.items() if v is not live.get(k)}
        return self.change(live, **parts)

    def delete(
        self, kind: str, name: str, *, uid: str | None = None, orphan: bool = False
    ) -> Object | None:
        """Delete an object, if it (still) has that uid; what was deleted.

        Raises:
            KubeError: another object bears the name.
        """
        body = self.get(kind, name)
        if body is None:
            return None
        if uid is not None and body["metadata"]["uid"] != uid:
            raise KubeError(409, "Conflict", f"the uid of {kind} {name} is another one")
        if body["metadata"].get("deletionTimestamp"):
            return body
        if kind in {"Pod", "PersistentVolumeClaim"}:
            stamped = {**body["metadata"], "deletionTimestamp": self._stage.timestamp()}
            self.change(body, metadata=stamped)
            self._stage.later(*_RELEASE, self._release_claim, name, body["metadata"]["uid"])
            return body
        if orphan:
            self._release(body["metadata"]["uid"])
        self.remove(kind, name)
        return body

    def remove(self, kind: str, name: str) -> None:
        """Take an object away for good (the end of its graceful deletion)."""
        body = self.get(kind, name)
        if body is None:
            return
        self._applied.pop((kind, name), None)
        self._made.pop((kind, name), None)
        self._store(body, None)
        self._gone.add(body["metadata"]["uid"])
        self._stage.later(0.05, 0.5, self._collect, body["metadata"]["uid"])
        if kind == "Pod":
            for claim in self.all("PersistentVolumeClaim"):
                going = claim["metadata"].get("deletionTimestamp")
                if going and not self._in_use(claim["metadata"]["name"]):
                    name, uid = claim["metadata"]["name"], claim["metadata"]["uid"]
                    self._stage.later(*_RELEASE, self._release_claim, name, uid)

    def _release_claim(self, name: str, uid: str) -> None:
        """A claim that is being deleted goes when no pod uses it any more."""
        claim = self.get("PersistentVolumeClaim", name)
        if claim is not None and claim["metadata"]["uid"] == uid and not self._in_use(name):
            self.remove("PersistentVolumeClaim", name)

    def _store(self, before: Object | None, after: Object | None) -> Object:
        self._version += 1
        body = after or before
        assert body is not None
        kind, name = body["kind"], body["metadata"]["name"]
        old = self._objects.get(kind, {})
        now = self._stage.now
        past = self._past.setdefault(kind, deque())
        past.append((now, old))
        while past[0][0] < now - _REMEMBERED_SECONDS:
            past.popleft()
        if after is None:
            self._objects[kind] = {k: v for k, v in old.items() if k != name}
        else:
            after["metadata"] = {**after["metadata"], "resourceVersion": str(self._version)}
            self._objects[kind] = {**old, name: after}
        for listener in self.listeners:
            listener(before, after)
        return body

    # ------------------------------------------------------------------ garbage

    def _collect(self, owner: str) -> None:
        """Delete what the gone object owned (background deletion)."""
        for body in list(self.owned_by(owner)):
            self._stage.tell("gc", f"deletes {body['kind']} {body['metadata']['name']}")
            self.delete(body["kind"], body["metadata"]["name"], uid=body["metadata"]["uid"])

    def _release(self, owner: str) -> None:
        """Make orphans of what the object owns."""
        for body in list(self.owned_by(owner)):
            references = [o for o in body["metadata"]["ownerReferences"] if o["uid"] != owner]
            self.change(body, metadata={**body["metadata"], "ownerReferences": references})

    def _in_use(self, claim: str) -> bool:
        return any(claim in claims_of(pod).values() for pod in self.all("Pod"))


def claims_of(pod: Object) -> dict[str, str]:
    """The claims a pod mounts: volume name → claim name."""
    return {
        volume["name"]: volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"].get("volumes") or []
        if "persistentVolumeClaim" in volume
    }


def _merge(live: Any, wanted: Any, before: Any, others: Any) -> Any:
    """`live` with what is `wanted`, without what was applied `before` and is not wanted any more.

    What `others` have made of the same value stays. Lists are taken whole. Identity is kept where nothing
    changes.
    """
    if not isinstance(wanted, dict) or not isinstance(live, dict):
        return live if live == wanted else wanted
    merged = {}
    for key, value in live.items():
        if key in wanted:
            merged[key] = _merge(value, wanted[key], _at(before, key), _at(others, key))
        elif key not in before:
            merged[key] = value
        elif (left := _left_of(value, before[key], _at(others, key))) is not None:
            merged[key] = left
    merged.update((key, value) for key, value in wanted.items() if key not in live)
    unchanged = len(merged) == len(live) and all(merged[k] is live.get(k, merged) for k in merged)
    return live if unchanged else merged


def _at(tree: Any, key: str) -> Any:
    return tree.get(key, {}) if isinstance(tree, dict) else {}


def _left_of(live: Any, applied: Any, others: Any) -> Any:
    """What stays of a value that the operator applied once and leaves out now; None if nothing does."""
    if not isinstance(live, dict) or not isinstance(applied, dict):
        return live if live == others else None
    left = {}
    for key, value in live.items():
        kept = value
        if key in applied:
            kept = _left_of(value, applied[key], _at(others, key))
        if kept is not None:
            left[key] = kept
    return left or None


def _refuse_invalid(live: Object, merged: Object) -> None:
    kind, name = live["kind"], live["metadata"]["name"]
    if kind == "PersistentVolumeClaim":
        was, size = (_requested(body) for body in (live, merged))
        if size < was or not size:
            raise KubeError(422, "Invalid", f"{kind} {name}: a claim cannot be less than {was}")


def _refuse_immutable(live: Object, merged: Object) -> None:
    kind, name = live["kind"], live["metadata"]["name"]
    for field in _IMMUTABLE.get(kind, ()):
        if live["spec"].get(field) != merged["spec"].get(field):
            raise KubeError(422, "Invalid", f"{kind} {name}: spec.{field} cannot be changed")


def _requested(claim: Object) -> int:
    requests = claim.get("spec", {}).get("resources", {}).get("requests", {})
    return parse_quantity(requests.get("storage", 0))

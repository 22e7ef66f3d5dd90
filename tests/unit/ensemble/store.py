"""The Kubernetes API as a dict of objects: what a test looks at afterwards is what is stored."""

from collections.abc import Callable, Iterable

from zookeeper_operator.kube.api import KubeError, Object, Resource

Key = tuple[str, str]


def key_of(body: Object) -> Key:
    """Kind and name."""
    return body["kind"], body["metadata"]["name"]


class Store:
    """Objects by kind and name. Lists may lag behind: they never show what is in `unlisted`.

    `after_write` is called when something has been stored or removed.
    """

    def __init__(self, objects: Iterable[Object], unlisted: Iterable[Key] = ()) -> None:
        self.objects: dict[Key, Object] = {key_of(body): body for body in objects}
        self.unlisted = frozenset(unlisted)
        self.after_write: Callable[[], None] = lambda: None
        self._version = 1000

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
        """The object, live."""
        return self.objects.get((resource.kind, name))

    async def get_metadata(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Its metadata, live."""
        found = await self.get(resource, namespace, name)
        return None if found is None else {"metadata": found["metadata"]}

    async def list(
        self, resource: Resource, namespace: str | None, *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        """Every object of the kind that bears the label, but those no list shows yet.

        The only field selector known is that of Events: the UID of what they are about.
        """
        wanted = dict([labels.split("=")]) if labels else {}
        about = fields.partition("involvedObject.uid=")[2]
        return [
            body
            for key, body in self.objects.items()
            if key[0] == resource.kind
            and key not in self.unlisted
            and wanted.items() <= (body["metadata"].get("labels") or {}).items()
            and about in {"", (body.get("involvedObject") or {}).get("uid")}
        ]

    async def apply(self, resource: Resource, body: Object) -> Object:
        """Store it as it is given."""
        self._version += 1
        live = self.objects.get(key_of(body), {"metadata": {"uid": f"new-{self._version}"}})
        metadata = {
            **body["metadata"],
            "uid": live["metadata"]["uid"],
            "resourceVersion": str(self._version),
            "generation": live["metadata"].get("generation", 0) + 1,
        }
        return self._store({**body, "metadata": metadata})

    async def patch(self, resource: Resource, body: Object) -> Object:
        """Merge the fields of a spec into what is there."""
        live = self.objects[key_of(body)]
        return self._store({**live, "spec": {**live["spec"], **body["spec"]}})

    async def create(self, resource: Resource, body: Object) -> Object:
        """Store what is new.

        Raises:
            KubeError: there is one of that name.
        """
        if key_of(body) in self.objects:
            raise KubeError(409, "AlreadyExists", "there is one of that name")
        return await self.apply(resource, body)

    async def apply_status(self, resource: Resource, body: Object) -> Object:
        """Store the status if it is still of the same object.

        Raises:
            KubeError: another one has its name by now.
        """
        live = self.objects[key_of(body)]
        known, asked = live["metadata"], body["metadata"]
        if known["uid"] != asked["uid"]:
            raise KubeError(409, "Conflict", "the uid in the precondition does not match")
        version = known.get("resourceVersion", "0")
        if asked.get("resourceVersion") not in {None, "", version}:
            raise KubeError(409, "Conflict", "the object has been modified")
        metadata = {**known, "resourceVersion": str(int(version) + 1)}
        return self._store({**live, "metadata": metadata, "status": body["status"]})

    async def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str, orphan: bool = False
    ) -> None:
        """Remove it if it is still the same.

        Raises:
            KubeError: another one has its name by now.
        """
        live = self.objects.get((resource.kind, name))
        if live is None:
            return
        if live["metadata"]["uid"] != uid:
            raise KubeError(409, "Conflict", "the uid in the precondition does not match")
        del self.objects[resource.kind, name]
        self.after_write()

    def _store(self, body: Object) -> Object:
        self.objects[key_of(body)] = body
        self.after_write()
        return body

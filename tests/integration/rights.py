"""Rights of users of the control plane."""

from collections.abc import Sequence
from typing import Any, Final

from zookeeper_operator.kube.api import Resource
from zookeeper_operator.kube.client import KubeClient

_GROUP: Final = "rbac.authorization.k8s.io"
_ROLE: Final = Resource(f"{_GROUP}/v1", "Role", "roles")
_ROLE_BINDING: Final = Resource(f"{_GROUP}/v1", "RoleBinding", "rolebindings")


async def grant(
    kube: KubeClient, namespace: str, user: str, rules: Sequence[Any], *, name: str = "some"
) -> None:
    """Give a user these rights in a namespace, by a Role and a binding of this name."""
    metadata = {"namespace": namespace, "name": name}
    await kube.create(
        _ROLE,
        {
            "apiVersion": _ROLE.api_version,
            "kind": _ROLE.kind,
            "metadata": metadata,
            "rules": list(rules),
        },
    )
    await kube.create(
        _ROLE_BINDING,
        {
            "apiVersion": _ROLE_BINDING.api_version,
            "kind": _ROLE_BINDING.kind,
            "metadata": metadata,
            "roleRef": {"apiGroup": _GROUP, "kind": "Role", "name": name},
            "subjects": [{"kind": "User", "name": user, "apiGroup": _GROUP}],
        },
    )

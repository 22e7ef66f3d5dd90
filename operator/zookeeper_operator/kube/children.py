"""One kind of child: how it is found, watched and removed, and by which rights."""

from dataclasses import dataclass

from zookeeper_operator.kube.api import Resource


@dataclass(frozen=True)
class ChildKind:
    """One kind of object that a controller makes, or that comes with what it makes.

    Children that are `listed` are found by their label, all at once; the others are read by the names they
    must have. What is `watched` wakes the owner. What is `removable` is deleted when nothing needs it any
    more. `verbs` are the rights on it that the operator uses, and no others.
    """

    resource: Resource
    verbs: tuple[str, ...]
    listed: bool = True
    watched: bool = True
    removable: bool = False

"""A plain StatefulSet with the official image and its documentation's static server list."""

from typing import ClassVar

from e2e.cluster import Object
from e2e.plain import LABELS, plain_manifests
from e2e.sources.source import Source


class Plain(Source):
    """What a careful user without an operator has; reconfiguration was turned on before."""

    name = "zk"
    service = "zk-members"
    first = 1
    labels: ClassVar = LABELS

    def manifests(self) -> tuple[Object, ...]:
        """Everything its owner has applied, in order."""
        config = ["reconfigEnabled=true"]
        if self.members == 1:
            config.append("standaloneEnabled=false")
        return plain_manifests(
            self.namespace, members=self.members, version=self.version, config=config
        )


class Static(Plain):
    """The same with the defaults of the image: no member can join it or leave it."""

    def manifests(self) -> tuple[Object, ...]:
        """Everything its owner has applied, in order."""
        return plain_manifests(
            self.namespace, members=self.members, version=self.version, config=[]
        )

    def first_answer(self) -> tuple[int, str]:
        """Its members cannot leave it one by one, so there is another way."""
        return 1, "spec.adopt.mode: CutOver"

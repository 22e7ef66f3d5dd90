"""The volumes of a member, as the spec asks for them."""

from zookeeper_operator.api.ensemble import EnsembleSpec, VolumeSpec
from zookeeper_operator.ensemble import names


def volumes_asked_for(spec: EnsembleSpec) -> dict[str, VolumeSpec]:
    """The volumes of each member, by the name of the claim template."""
    asked = {names.DATA_VOLUME: spec.storage.data}
    if spec.storage.log is not None:
        asked[names.LOG_VOLUME] = spec.storage.log
    return asked

"""What `NAME-membership` holds now. Pure."""

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.membership import Membership, read_membership
from zookeeper_operator.ensemble.observed import Observed


def published_membership(observed: Observed) -> Membership | None:
    """What `zk-membership` holds now, if it is there and readable."""
    config_map = observed.child("ConfigMap", names.membership_name(observed.ensemble.name))
    if config_map is None:
        return None
    try:
        return read_membership(config_map)
    except (KeyError, ValueError):
        return None

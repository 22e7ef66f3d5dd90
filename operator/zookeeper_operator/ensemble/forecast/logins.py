"""Whether the members would let the operator log in: where it does, they know its password.

Pure.
"""

from zookeeper_operator.ensemble.forecast.world import World
from zookeeper_operator.ensemble.security.users import session_login


def log_in(world: World) -> World:
    """The same world, in which the operator has logged in where it does."""
    accepted = None if session_login(world.observed) is None else True
    return world.with_observed(login_accepted=accepted)

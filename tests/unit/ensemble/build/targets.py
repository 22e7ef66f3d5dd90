"""Targets for the builders' tests: one ensemble `demo/zk`, with the spec and the members a test names."""

from typing import Any

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.target import Target, build_target


def ensemble(**spec: Any) -> Ensemble:
    return Ensemble("demo", "zk", "uid-1", 1, EnsembleSpec.model_validate(spec))


def membership(of: Ensemble, *ids: int, version: int = 0) -> Membership:
    return Membership(tuple(of.server(i) for i in ids), version, (), "uid-1")


def target(*ids: int, version: int = 0, **spec: Any) -> Target:
    """The target of a spec whose members are these; by default the voters the spec asks for."""
    of = ensemble(**spec)
    return build_target(of, membership(of, *(ids or of.voter_ids), version=version))

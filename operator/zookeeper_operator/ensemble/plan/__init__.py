"""The plan: what must be done now about one ensemble, and how each of its concerns stands.

Pure. `order` holds what has precedence over what, each concern has its own module, and `decision` puts
their answers together.
"""

from zookeeper_operator.ensemble.plan.decision import Plan, build_plan, understand

__all__ = ["Plan", "build_plan", "understand"]

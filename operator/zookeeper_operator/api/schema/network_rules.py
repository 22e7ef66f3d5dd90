"""The rules for who may connect to which port: peers, and the ports of further containers."""

from typing import Final

from zookeeper_operator.api.schema.known_keys import (
    LOCAL_CLIENT_PORT,
    OWN_PORTS,
    SECURE_CLIENT_PORT,
)
from zookeeper_operator.api.schema.rules import Rule

CLOSED_PORTS: Final = tuple(sorted((*OWN_PORTS, SECURE_CLIENT_PORT, LOCAL_CLIENT_PORT)))
"""The ports of the members themselves, which no rule of a user opens: each has its own field, or none."""

_MAX_PORT: Final = 65_535
_END: Final = "(has(p.endPort) ? p.endPort : p.port)"


def peer_rules(field: str) -> tuple[Rule, ...]:
    """The rules for each entry of a list of peers."""
    return (
        Rule(
            rule="has(self.namespaceSelector) || has(self.podSelector) || has(self.ipBlock)",
            message=f"each entry of {field} needs namespaceSelector, podSelector or ipBlock; "
            "namespaceSelector: {} means every pod of the cluster",
        ),
        Rule(
            rule="!has(self.ipBlock) || (!has(self.namespaceSelector) && !has(self.podSelector))",
            message="ipBlock takes no selector beside it; write one entry for each",
            field=".ipBlock",
        ),
    )


INGRESS_RULES: Final = (
    Rule(
        rule="size(self.ports) > 0",
        message="each entry of extraIngress needs ports: without any it would open every port of the member",
        field=".ports",
    ),
)

INGRESS_PORT_RULES: Final = (
    Rule(
        rule=f"self.port >= 1 && self.port <= {_MAX_PORT}",
        message=f"port must be 1 to {_MAX_PORT}",
        field=".port",
    ),
    Rule(
        rule=f"!has(self.endPort) || (self.endPort >= self.port && self.endPort <= {_MAX_PORT})",
        message=f"endPort must be port or more, and at most {_MAX_PORT}",
        field=".endPort",
    ),
    Rule(
        rule=(
            f"[{', '.join(map(str, CLOSED_PORTS))}].all(own, own < self.port || "
            "own > (has(self.endPort) ? self.endPort : self.port))"
        ),
        message=(
            f"extraIngress does not open the members' own ports ({', '.join(map(str, CLOSED_PORTS))}); for "
            "clients use networkPolicy.clients, for the AdminServer external.adminServer"
        ),
        field=".port",
        cause="FieldValueForbidden",
    ),
)

METRICS_INGRESS_RULE: Final = Rule(
    rule=(
        "!has(self.networkPolicy) || !has(self.networkPolicy.extraIngress) || !has(self.metrics) || "
        "!self.metrics.enabled || self.networkPolicy.extraIngress.all(r, r.ports.all(p, "
        f"self.metrics.port < p.port || self.metrics.port > {_END}))"
    ),
    message="extraIngress does not open metrics.port; who may scrape is said by metrics.from",
    field=".networkPolicy.extraIngress",
    cause="FieldValueForbidden",
)
"""A rule of the spec as a whole: the port of the metrics is a field of its own."""

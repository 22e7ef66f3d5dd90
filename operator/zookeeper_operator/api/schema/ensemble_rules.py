"""What the API server refuses in a `ZookeeperEnsemble`, by the place in its schema.

Longer than most modules because it is one flat table.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from zookeeper_operator.api.ensemble import (
    FIRST_OBSERVER_ID,
    LAST_OBSERVER_ID,
    LAST_VOTER_ID,
    MAX_NAME_LENGTH,
    MAX_OBSERVERS,
    MAX_REPLICAS,
)
from zookeeper_operator.api.schema.adoption_rules import (
    ADOPT_RULES,
    ADOPTION_OBJECT_RULES,
    ADOPTION_SPEC_RULES,
)
from zookeeper_operator.api.schema.bootstrap_rules import BOOTSTRAP_RULES, BOOTSTRAP_SPEC_RULES
from zookeeper_operator.api.schema.config_rules import CONFIG_RULES
from zookeeper_operator.api.schema.jvm_rules import JVM_RULES
from zookeeper_operator.api.schema.known_keys import OWN_PORTS, PORT
from zookeeper_operator.api.schema.metadata_rules import ANNOTATION_RULES, LABEL_RULES
from zookeeper_operator.api.schema.network_rules import (
    INGRESS_PORT_RULES,
    INGRESS_RULES,
    METRICS_INGRESS_RULE,
    peer_rules,
)
from zookeeper_operator.api.schema.rules import QUANTITIES, QUANTITY, Rule, in_range, quoted
from zookeeper_operator.api.schema.security_rules import (
    AUTH_RULES,
    ISSUER_RULES,
    OPERATOR_CA_RULES,
    SOURCE_RULES,
    TLS_ROOT_RULES,
    TLS_RULES,
    TLS_SPEC_RULES,
    USER_RULES,
)
from zookeeper_operator.api.versions import KNOWN_LINES, PATCH_PATTERN

MAX_PORT: Final = 65_535


def _port_rule(port: str, other: str) -> Rule:
    """Return the rule that one kind of node port is used once."""
    return Rule(
        rule=(
            f"self.members.all(m, !has(m.{port}) || ("
            f"self.members.exists_one(n, has(n.{port}) && n.{port} == m.{port}) && "
            f"!self.members.exists(n, has(n.{other}) && n.{other} == m.{port})))"
        ),
        message=f"each {port} may be used once; give every member a node port of its own",
        field=".members",
    )


_VOLUME: Final = (
    Rule(
        rule=(
            f"self.size.matches({QUANTITY}) && isQuantity(self.size) && "
            "quantity(self.size).isGreaterThan(quantity('0'))"
        ),
        message="size must be a quantity such as 5Gi",
        field=".size",
    ),
    Rule(
        rule=(
            f"!self.size.matches({QUANTITY}) || !oldSelf.size.matches({QUANTITY}) || "
            "!isQuantity(self.size) || !isQuantity(oldSelf.size) || "
            "quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0"
        ),
        message=(
            "size can only grow, because volumes cannot shrink; for smaller volumes create a "
            "new ensemble and copy the data"
        ),
        field=".size",
        cause="FieldValueForbidden",
    ),
    Rule(
        rule=(
            "has(self.storageClassName) == has(oldSelf.storageClassName) && "
            "(!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)"
        ),
        message=(
            "storageClassName cannot be changed, because a volume stays where it was made; "
            "create a new ensemble and copy the data"
        ),
        cause="FieldValueForbidden",
    ),
)

ENSEMBLE_RULES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(
    {
        "": (
            Rule(
                rule=(
                    "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && "
                    f"size(self.metadata.name) <= {MAX_NAME_LENGTH}"
                ),
                message=(
                    f"metadata.name must be at most {MAX_NAME_LENGTH} characters, lower-case "
                    "letters, digits and dashes, and begin with a letter: the names of pods and "
                    "Services are made of it"
                ),
            ),
            Rule(
                rule="!self.metadata.name.endsWith('-observer')",
                message=(
                    "metadata.name must not end in -observer: the observers of another ensemble "
                    "could have that name"
                ),
            ),
            *TLS_ROOT_RULES,
            *ADOPTION_OBJECT_RULES,
        ),
        "spec": (
            Rule(
                rule="self.replicas != 0",
                message="replicas must not be 0; to stop all members and keep the data, set "
                "stopped: true",
                field=".replicas",
            ),
            Rule(
                rule=f"self.replicas >= 0 && self.replicas <= {MAX_REPLICAS}",
                message=(
                    f"replicas must be 1 to {MAX_REPLICAS}; for more read capacity set "
                    "observers.replicas, observers do not slow down writes"
                ),
                field=".replicas",
            ),
            Rule(
                rule=(
                    "self.allowEvenReplicas || self.replicas % 2 == 1 || self.replicas < 1 || "
                    f"self.replicas > {MAX_REPLICAS}"
                ),
                message=(
                    "replicas should be odd: an even number survives no more losses than one "
                    "member less; choose one more or one less, or set allowEvenReplicas: true"
                ),
                field=".replicas",
            ),
            Rule(
                rule="self.version.matches('^[0-9]+[.][0-9]+[.][0-9]+([.-][0-9A-Za-z.-]+)?$')",
                message="version must be a ZooKeeper version such as 3.9.4",
                field=".version",
            ),
            Rule(
                rule=(
                    f"self.version.matches({quoted(PATCH_PATTERN)}) || self.image.tag != '' || "
                    "self.image.digest != ''"
                ),
                message=(
                    f"version is of a release line that is not known (known are "
                    f"{', '.join(KNOWN_LINES)}); choose a release of one of these, or name the image "
                    "with image.tag or image.digest"
                ),
                field=".version",
            ),
            Rule(
                rule="!self.stopped || oldSelf.stopped || !self.storage.ephemeral",
                message=(
                    "stopped cannot be set while storage.ephemeral is: the data goes with the pods; delete "
                    "the ensemble if its data may go"
                ),
                field=".stopped",
                cause="FieldValueForbidden",
            ),
            *TLS_SPEC_RULES,
            *BOOTSTRAP_SPEC_RULES,
            *ADOPTION_SPEC_RULES,
            METRICS_INGRESS_RULE,
        ),
        **BOOTSTRAP_RULES,
        "spec.adopt": ADOPT_RULES,
        "spec.tls": TLS_RULES,
        "spec.tls.source": SOURCE_RULES,
        "spec.tls.source.operatorCA": OPERATOR_CA_RULES,
        "spec.tls.source.issuerRef": ISSUER_RULES,
        "spec.auth": AUTH_RULES,
        "spec.auth.users[]": USER_RULES,
        "spec.image": (
            Rule(
                rule="self.tag == '' || self.digest == ''",
                message="set tag or digest, not both: a digest already names one image",
                field=".digest",
            ),
            Rule(
                rule=(
                    "self.repository.matches('^([a-zA-Z0-9.-]+(:[0-9]+)?/)?"
                    "[a-z0-9]+([._/-]+[a-z0-9]+)*$')"
                ),
                message=(
                    "repository must be an image name such as registry.example.org/zookeeper, "
                    "without tag and digest: these go into image.tag or image.digest"
                ),
                field=".repository",
            ),
            Rule(
                rule="self.tag == '' || self.tag.matches('^[A-Za-z0-9_][A-Za-z0-9._-]*$')",
                message="tag must be an image tag such as 3.9.4",
                field=".tag",
            ),
            Rule(
                rule="self.digest == '' || self.digest.matches('^sha256:[0-9a-f]{64}$')",
                message="digest must be sha256: and 64 hexadecimal digits",
                field=".digest",
            ),
        ),
        "spec.observers": (
            Rule(
                rule=f"self.replicas >= 0 && self.replicas <= {MAX_OBSERVERS}",
                message=f"observers.replicas must be 0 to {MAX_OBSERVERS}",
                field=".replicas",
            ),
        ),
        "spec.config": CONFIG_RULES,
        "spec.jvm": JVM_RULES,
        "spec.metrics": (
            Rule(
                rule=(
                    f"self.port >= 1 && self.port <= {MAX_PORT} && "
                    f"!(self.port in [{', '.join(map(str, OWN_PORTS))}])"
                ),
                message=f"metrics.port must be {PORT.sentence}",
                field=".port",
            ),
        ),
        "spec.metrics.from[]": peer_rules("metrics.from"),
        "spec.adopt.from[]": peer_rules("adopt.from"),
        "spec.networkPolicy.clients[]": peer_rules("networkPolicy.clients"),
        "spec.networkPolicy.extraIngress[]": INGRESS_RULES,
        "spec.networkPolicy.extraIngress[].ports[]": INGRESS_PORT_RULES,
        "spec.networkPolicy.extraIngress[].from[]": peer_rules("extraIngress[].from"),
        "spec.labels": LABEL_RULES,
        "spec.annotations": ANNOTATION_RULES,
        "spec.resources.requests": (QUANTITIES,),
        "spec.resources.limits": (QUANTITIES,),
        "spec.storage": (
            Rule(
                rule="self.ephemeral == oldSelf.ephemeral",
                message=(
                    "ephemeral cannot be changed, because the data would be lost; create a new "
                    "ensemble and copy the data"
                ),
                field=".ephemeral",
                cause="FieldValueForbidden",
            ),
            Rule(
                rule="has(self.log) == has(oldSelf.log)",
                message=(
                    "log cannot be added or removed later, because the transaction log would stay "
                    "behind on the other volume; create a new ensemble and copy the data"
                ),
                cause="FieldValueForbidden",
            ),
        ),
        "spec.storage.data": _VOLUME,
        "spec.storage.log": _VOLUME,
        "spec.external": (
            Rule(
                rule=(
                    "self.hostTemplate.matches("
                    "'^([A-Za-z0-9.:-]|[{](id|pod|name|namespace)[}]|[\\\\[\\\\]])*$')"
                ),
                message=(
                    "hostTemplate must be a host name or an address; {id}, {pod}, {name} and "
                    "{namespace} are filled in"
                ),
                field=".hostTemplate",
            ),
            Rule(
                rule=(
                    "self.type != 'LoadBalancer' || self.hostTemplate == '' || has(self.portBase) "
                    "|| self.hostTemplate.contains('{id}') || self.hostTemplate.contains('{pod}')"
                ),
                message=(
                    "all members would be advertised at one address; use {id} or {pod} in "
                    "hostTemplate, or set portBase"
                ),
                field=".hostTemplate",
            ),
            in_range(
                "portBase",
                1,
                MAX_PORT - LAST_OBSERVER_ID,
                f"portBase must be 1 to {MAX_PORT - LAST_OBSERVER_ID}",
            ),
            Rule(
                rule="self.adminServer || self.members.all(m, !has(m.adminNodePort))",
                message="adminNodePort needs adminServer: true",
                field=".members",
            ),
            _port_rule("nodePort", "adminNodePort"),
            _port_rule("adminNodePort", "nodePort"),
        ),
        "spec.external.members[]": (
            Rule(
                rule=(
                    f"(self.id >= 1 && self.id <= {LAST_VOTER_ID}) || "
                    f"(self.id >= {FIRST_OBSERVER_ID} && self.id <= {LAST_OBSERVER_ID})"
                ),
                message=(
                    f"id must be 1 to {LAST_VOTER_ID} for a voter, {FIRST_OBSERVER_ID} to "
                    f"{LAST_OBSERVER_ID} for an observer"
                ),
                field=".id",
            ),
            in_range("nodePort", 1, MAX_PORT, "nodePort must be a port, usually 30000 to 32767"),
            in_range(
                "adminNodePort", 1, MAX_PORT, "adminNodePort must be a port, usually 30000 to 32767"
            ),
        ),
    }
)
"""Every rule by its place in the schema; `[]` stands for the items of a list."""

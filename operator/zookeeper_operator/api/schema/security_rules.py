"""The rules for TLS and authentication."""

from typing import Final

from zookeeper_operator.api.schema.known_keys import PORT, SECURE_CLIENT_PORT, keys_that_take
from zookeeper_operator.api.schema.owned_keys import OWNED_WITH_SECURITY
from zookeeper_operator.api.schema.rules import DURATION, OBJECT_NAME, Rule, list_of, quoted

RESERVED_USERS: Final = ("super", "zookeeper-operator")
"""ZooKeeper's own user, and the operator's."""

OWN_SECRETS: Final = ("auth", "ca", "certificate", "connection", "tls", "users")
"""What follows the name of an ensemble in the names of Secrets that the operator writes, or has written."""

_FIELDS: Final = ("validity", "certificateValidity", "renewBefore")
_CERTIFICATES: Final = (
    "(has(self.tls) && self.tls.clients != 'Disabled' && self.tls.clientCertificates != 'None')"
)
_METRICS_PORTS: Final = keys_that_take(PORT)


def _is_duration(field: str) -> str:
    return f"(self.{field} != '' && self.{field}.matches('{DURATION}'))"


def _relation(rule: str, *fields: str, message: str) -> Rule:
    """A rule about durations, for those that are durations: the others have a rule of their own."""
    well_formed = " && ".join(_is_duration(field) for field in fields)
    return Rule(rule=f"!({well_formed}) || {rule}", message=message, field=f".{fields[0]}")


_KEYS_OF_SECURITY: Final = " || ".join(
    [
        f"key in {list_of(OWNED_WITH_SECURITY.keys)}",
        *(f"key.startsWith({quoted(prefix)})" for prefix in OWNED_WITH_SECURITY.prefixes),
    ]
)

TLS_SPEC_RULES: Final = (
    Rule(
        rule=(
            "!(has(self.tls) || has(self.auth)) || !has(self.config) || "
            f"!self.config.exists(key, {_KEYS_OF_SECURITY})"
        ),
        message=(
            f"config: {', '.join(OWNED_WITH_SECURITY.patterns)} are refused where tls or auth is set: the "
            "operator sets them; remove them"
        ),
        field=".config",
    ),
    Rule(
        rule=(
            "!has(self.tls) || !self.tls.verifyPeerNames || "
            "!(self.version.matches('^3[.]8[.]') || self.version.matches('^3[.]9[.][0-3]($|[^0-9])'))"
        ),
        message=(
            "tls.verifyPeerNames needs ZooKeeper 3.9.4 or later: earlier releases check the addresses of "
            "pods as well, which no certificate names, and no quorum would form; choose a later version, or "
            "leave it false"
        ),
        field=".tls.verifyPeerNames",
    ),
    Rule(
        rule=(
            "!has(self.tls) || ((!has(self.metrics) || !has(self.metrics.port) || "
            f"self.metrics.port != {SECURE_CLIENT_PORT}) && (!has(self.config) || "
            f"{list_of(_METRICS_PORTS)}.all(key, !(key in self.config) || ("
            f"type(self.config[key]) == int ? self.config[key] != {SECURE_CLIENT_PORT} : "
            f"!self.config[key].matches('^[+]?0*{SECURE_CLIENT_PORT}$')))))"
        ),
        message=(
            f"{SECURE_CLIENT_PORT} is no port for metrics where tls is set: clients with TLS use it; choose "
            "another metrics.port, and another metricsProvider.httpPort and httpsPort in config"
        ),
        field=".metrics.port",
    ),
    Rule(
        rule=(f"!has(self.auth) || self.auth.required != 'X509' || {_CERTIFICATES}"),
        message=(
            "auth.required: X509 needs tls.clients: Optional or Required, and tls.clientCertificates: Want "
            "or Need; without them no client could authenticate"
        ),
        field=".auth.required",
    ),
    Rule(
        rule=(
            "!has(self.auth) || self.auth.required != 'Any' || size(self.auth.users) > 0 || "
            f"{_CERTIFICATES}"
        ),
        message=(
            "auth.required: Any needs at least one entry in auth.users, or client certificates "
            "(tls.clientCertificates: Want or Need); without them no client could authenticate"
        ),
        field=".auth.required",
    ),
)
"""Rules of the spec as a whole."""

TLS_ROOT_RULES: Final = (
    Rule(
        rule=(
            "!has(self.spec.tls) || !has(self.spec.tls.source.secretName) || "
            f"!{list_of(OWN_SECRETS)}.exists(own, "
            "self.spec.tls.source.secretName == self.metadata.name + '-' + own)"
        ),
        message=(
            "tls.source.secretName must not be a Secret that the operator writes itself (the name of the "
            f"ensemble and {', '.join(f'-{own}' for own in OWN_SECRETS)}); copy the certificate into a "
            "Secret of another name"
        ),
        field=".spec.tls.source.secretName",
    ),
)
"""Rules that need the name of the ensemble."""

TLS_RULES: Final = (
    Rule(
        rule=f"!has(self.plainClientsGrace) || {_is_duration('plainClientsGrace')}",
        message="plainClientsGrace must be a duration in hours, minutes and seconds, such as 1h or 30m",
        field=".plainClientsGrace",
    ),
    Rule(
        rule="self.clientCertificates == 'None' || self.clients != 'Disabled'",
        message=(
            "clientCertificates needs clients: Optional or Required: on the plain port no client has a "
            "certificate"
        ),
        field=".clientCertificates",
    ),
)

SOURCE_RULES: Final = (
    Rule(
        rule=(
            "(has(self.operatorCA) ? 1 : 0) + (has(self.issuerRef) ? 1 : 0) + "
            "(has(self.secretName) ? 1 : 0) <= 1"
        ),
        message="name one source: operatorCA, issuerRef or secretName; without any it is operatorCA",
    ),
    Rule(
        rule=f"!has(self.secretName) || self.secretName.matches('{OBJECT_NAME}')",
        message="secretName must be the name of a Secret: lower-case letters, digits, dashes and dots",
        field=".secretName",
    ),
)

OPERATOR_CA_RULES: Final = (
    *(
        Rule(
            rule=_is_duration(field),
            message=f"{field} must be a duration in hours, minutes and seconds, such as 2160h or 1h30m",
            field=f".{field}",
        )
        for field in _FIELDS
    ),
    _relation(
        "duration(self.certificateValidity) >= duration('1h')",
        "certificateValidity",
        message="certificateValidity must be 1h or longer, so that there is time to renew it",
    ),
    _relation(
        "duration(self.renewBefore) < duration(self.certificateValidity)",
        "renewBefore",
        "certificateValidity",
        message="renewBefore must be shorter than certificateValidity, a third of it for example",
    ),
    _relation(
        "duration(self.renewBefore) >= duration('5m')",
        "renewBefore",
        message="renewBefore must be 5m or longer, so that every member has the new certificate in time",
    ),
    _relation(
        "duration(self.validity) >= duration(self.certificateValidity) + duration(self.certificateValidity)",
        "validity",
        "certificateValidity",
        message=(
            "validity must be at least twice certificateValidity, so that a new CA is trusted before the old "
            "one ends"
        ),
    ),
)

ISSUER_RULES: Final = (
    Rule(
        rule=f"self.name.matches('{OBJECT_NAME}')",
        message="issuerRef.name must be the name of an issuer: lower-case letters, digits, dashes and dots",
        field=".name",
    ),
)

AUTH_RULES: Final = (
    Rule(
        rule="self.required != 'Sasl' || size(self.users) > 0",
        message="required: Sasl needs at least one entry in users; without one no client could authenticate",
        field=".required",
    ),
    Rule(
        rule="self.required != 'X509' || size(self.users) == 0",
        message=(
            "required: X509 lets no user in; remove users, or choose Any, which lets in users and clients "
            "with a certificate"
        ),
        field=".users",
    ),
)

USER_RULES: Final = (
    Rule(
        rule="self.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        message="name must consist of lower-case letters, digits and dashes, such as app or app-2",
        field=".name",
    ),
    Rule(
        rule=f"!(self.name in {list_of(RESERVED_USERS)})",
        message=f"name must not be {' or '.join(RESERVED_USERS)}, which the operator uses itself",
        field=".name",
        cause="FieldValueForbidden",
    ),
    Rule(
        rule=(
            f"self.passwordSecret.name.matches('{OBJECT_NAME}') && "
            "self.passwordSecret.key.matches('^[-._a-zA-Z0-9]+$')"
        ),
        message="passwordSecret must name a Secret and one of its keys",
        field=".passwordSecret",
    ),
)

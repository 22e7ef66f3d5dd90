"""The parts of a `ZookeeperEnsemble` about TLS and authentication."""

from typing import Final, Literal

from pydantic import Field

from zookeeper_operator.api.model import ApiModel

IssuerKind = Literal["Issuer", "ClusterIssuer"]
QuorumTls = Literal["Enabled", "Disabled"]
ClientTls = Literal["Disabled", "Optional", "Required"]
ClientCertificates = Literal["None", "Want", "Need"]
RequiredAuthentication = Literal["None", "Sasl", "X509", "Any"]

MAX_USERS: Final = 64
MAX_DURATION_LENGTH: Final = 32


class OperatorCaSpec(ApiModel):
    """The operator's own CA of one ensemble."""

    validity: str = Field(
        default="87600h",
        description=(
            "How long the CA is valid, at least twice `certificateValidity`. It is replaced in time, "
            "without a restart."
        ),
        json_schema_extra={"maxLength": MAX_DURATION_LENGTH},
    )
    certificate_validity: str = Field(
        default="2160h",
        description="How long the certificate of the members is valid, at least 1h.",
        json_schema_extra={"maxLength": MAX_DURATION_LENGTH},
    )
    renew_before: str = Field(
        default="720h",
        description="How long before its end the certificate is renewed.",
        json_schema_extra={"maxLength": MAX_DURATION_LENGTH},
    )


class IssuerReference(ApiModel):
    """An issuer of cert-manager."""

    name: str = Field(
        description="Name of the issuer.", json_schema_extra={"minLength": 1, "maxLength": 253}
    )
    kind: IssuerKind = Field(
        default="Issuer",
        description="`Issuer`, in the namespace of the ensemble, or `ClusterIssuer`.",
    )
    group: str = Field(
        default="cert-manager.io",
        description="API group of the issuer.",
        json_schema_extra={"minLength": 1, "maxLength": 253},
    )


class TlsSourceSpec(ApiModel):
    """Where the certificate of the members comes from: one of these, or the operator's own CA."""

    operator_ca: OperatorCaSpec | None = Field(
        default=None,
        alias="operatorCA",
        description="A CA that the operator creates and keeps for this ensemble. This is the default.",
    )
    issuer_ref: IssuerReference | None = Field(
        default=None,
        description="An issuer of cert-manager, which must publish its CA (`ca.crt`).",
    )
    secret_name: str | None = Field(
        default=None,
        description=(
            "A Secret of type `kubernetes.io/tls` in the namespace of the ensemble, with `tls.crt` (the "
            "certificate of all members and its intermediates), `tls.key` and `ca.crt`. The operator reads "
            "it every 15 s and gives it to the members after it has checked it."
        ),
        json_schema_extra={"minLength": 1, "maxLength": 253},
    )


class TlsSpec(ApiModel):
    """What is encrypted, and by which certificates."""

    source: TlsSourceSpec = Field(
        default_factory=TlsSourceSpec,
        description="Where the certificate of the members comes from.",
    )
    quorum: QuorumTls = Field(
        default="Enabled", description="Whether the members use TLS among themselves."
    )
    clients: ClientTls = Field(
        default="Optional",
        description=(
            "`Disabled`: clients use port 2181 only. `Optional`: TLS on port 2281, beside 2181. "
            "`Required`: port 2281 only."
        ),
    )
    plain_clients_grace: str | None = Field(
        default=None,
        description=(
            "With `clients: Required`, how long the clients that are connected without TLS are waited for "
            "before port 2181 is closed, such as `1h`; `0s` waits for none. Without it the port is closed "
            "when none is connected any more. A new ensemble does not wait."
        ),
        json_schema_extra={"maxLength": MAX_DURATION_LENGTH},
    )
    client_certificates: ClientCertificates = Field(
        default="None",
        description=(
            "Whether clients on port 2281 are asked for a certificate of a trusted CA: not at all, `Want` "
            "(without one they are anonymous), or `Need`."
        ),
    )
    verify_peer_names: bool = Field(
        default=False,
        description=(
            "Whether a member checks that the certificate of a peer it connects to names that peer. It "
            "needs ZooKeeper 3.9.4 or later. Without it the CA alone decides who is a peer."
        ),
    )


class SecretKeyReference(ApiModel):
    """One key of a Secret in the namespace of the ensemble."""

    name: str = Field(
        description="Name of the Secret, in the namespace of the ensemble.",
        json_schema_extra={"minLength": 1, "maxLength": 253},
    )
    key: str = Field(
        description="Key of the Secret.", json_schema_extra={"minLength": 1, "maxLength": 253}
    )


class UserSpec(ApiModel):
    """A user that clients log in as by SASL DIGEST-MD5."""

    name: str = Field(
        description="Name of the user: lower-case letters, digits and dashes.",
        json_schema_extra={"minLength": 1, "maxLength": 63},
    )
    password_secret: SecretKeyReference = Field(description="Where the password of the user is.")


class AuthSpec(ApiModel):
    """Who clients may be, and whether they have to say so."""

    users: tuple[UserSpec, ...] = Field(
        default=(),
        description=(
            "Users for SASL DIGEST-MD5. A change of them, or of a password, restarts the members, one at a "
            "time. A client that still uses the old password is refused by each member that has restarted."
        ),
        json_schema_extra={
            "maxItems": MAX_USERS,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
    required: RequiredAuthentication = Field(
        default="None",
        description=(
            "How every client has to authenticate: not at all, as one of the users (`Sasl`), by a "
            "certificate (`X509`, without `users`), or in either way (`Any`)."
        ),
    )

"""What the API server has to refuse and to accept: one case at least for every rule of the CRD.

The unit tests check that no rule is left out; the integration tests run every case against a real
API server. A case with an old spec is an update: create the object with the old spec, then
replace it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from zookeeper_operator.api.schema.known_keys import KNOWN_KEYS
from zookeeper_operator.api.schema.owned_keys import OWNED_KEYS

Spec = dict[str, Any]

_DIGEST: Final = "sha256:" + "0123456789abcdef" * 4


def _owned_keys() -> Iterator[tuple[str, Spec, Spec | None, str]]:
    """Yield a case for every owned key, and one for every owned beginning of a key."""
    for owned in OWNED_KEYS:
        for key in owned.keys:
            yield f"config-{key}", {"config": {key: "x"}}, None, f"{key} is refused: {owned.reason}"
        for prefix in owned.prefixes:
            key = f"{prefix}thing1"
            yield f"config-{key}", {"config": {key: "x"}}, None, f"{key} is refused: {owned.reason}"


def _ingress(rule: Spec) -> Spec:
    return {"networkPolicy": {"extraIngress": [rule]}}


def _wrong_values() -> Iterator[tuple[str, Spec, Spec | None, str]]:
    """Yield cases for each kind of values: of a wrong type, out of range, and changed from bad to bad."""
    wrong: Sequence[tuple[str, str | int]] = (
        ("tickTime", "banana"),
        ("tickTime", 99),
        ("tickTime", "60001"),
        ("initLimit", 0),
        ("syncLimit", "10001"),
        ("autopurge.snapRetainCount", 2),
        ("autopurge.purgeInterval", "1h"),
        ("snapCount", "1"),
        ("commitLogCount", 499),
        ("minSessionTimeout", -2),
        ("maxClientCnxns", "many"),
        ("preAllocSize", 4_194_305),
        ("snapSizeLimitInKb", ""),
        ("fsync.warningthresholdms", "-1"),
        ("cnxTimeout", "5.5"),
        ("metricsProvider.httpPort", 8080),
        ("metricsProvider.httpPort", "2888"),
        ("forceSync", "false"),
        ("leaderServes", "No"),
        ("tcpKeepAlive", "yes"),
        ("syncEnabled", 1),
        ("syncEnabled", "false"),
        ("observer.syncEnabled", "false"),
    )
    for key, value in wrong:
        said = f"{key} must be {KNOWN_KEYS[key].sentence}"
        yield f"config-{key}-{value}", {"config": {key: value}}, None, said
    yield (
        "config-from-good-to-bad",
        {"config": {"tickTime": "banana"}},
        {"config": {"tickTime": 2000}},
        "tickTime must be a whole number",
    )


def _external(**fields: Any) -> Spec:
    return {"external": {"type": "NodePort", **fields}}


def _member(**fields: Any) -> Spec:
    return _external(members=[{"id": 1, **fields}])


def _tls(**fields: Any) -> Spec:
    return {"tls": fields}


def _operator_ca(**fields: Any) -> Spec:
    return _tls(source={"operatorCA": fields})


def _adopt(**fields: Any) -> Spec:
    return {
        "firstMemberId": 11,
        "adopt": {"connectionString": "zookeeper.old.svc:2181", **fields},
    }


_ADOPTION_REFUSED: Final[Sequence[tuple[str, Spec, Spec | None, str]]] = (
    ("first-id-zero", {"firstMemberId": 0}, None, "firstMemberId must be 1 or more"),
    ("first-id-high", {"firstMemberId": 99}, None, "firstMemberId must be 1 or more"),
    ("first-id-changed", {"firstMemberId": 11}, {}, "firstMemberId cannot be changed"),
    (
        "adopt-first-id",
        {**_adopt(), "firstMemberId": 1},
        None,
        "adopt needs a firstMemberId above every id of the source",
    ),
    ("adopt-later", _adopt(), {"firstMemberId": 11}, "adopt can only be set when the ensemble"),
    ("adopt-dropped", {"firstMemberId": 11}, _adopt(proceed="Swap"), "adopt can be removed when"),
    (
        "adopt-dropped-early",
        {"firstMemberId": 11},
        _adopt(proceed="Finish"),
        "adopt can be removed",
    ),
    (
        "adopt-mode-changed",
        _adopt(mode="CutOver"),
        _adopt(),
        "mode cannot be changed: delete the ensemble",
    ),
    ("adopt-tls", {**_adopt(), "tls": {}}, None, "tls cannot be set beside adopt"),
    ("adopt-auth", {**_adopt(), "auth": {}}, None, "auth cannot be set beside adopt"),
    (
        "adopt-bootstrap",
        {**_adopt(), "bootstrap": {"fromBackup": {"backupRef": {"name": "nightly"}}}},
        None,
        "bootstrap cannot be set beside adopt",
    ),
    ("adopt-stopped", {**_adopt(), "stopped": True}, _adopt(), "stopped cannot be set beside"),
    (
        "adopt-ephemeral",
        {**_adopt(), "storage": {"ephemeral": True}},
        None,
        "storage.ephemeral cannot be set beside adopt",
    ),
    (
        "adopt-chroot",
        _adopt(connectionString="zookeeper:2181/app"),
        None,
        "connectionString must be addresses of the source",
    ),
    ("adopt-port", _adopt(connectionString="zookeeper:65536"), None, "must be addresses of the"),
    ("adopt-no-port", _adopt(connectionString="zookeeper:0"), None, "must be addresses of the"),
    ("adopt-space", _adopt(connectionString="a:2181, b:2181"), None, "must be addresses of the"),
    (
        "adopt-unfinished",
        _adopt(proceed="Observe"),
        _adopt(proceed="Finish"),
        "proceed cannot go back from Finish",
    ),
    ("adopt-gate", _adopt(proceed="Now"), None, "Unsupported value"),
    ("adopt-mode", _adopt(mode="Copy"), None, "Unsupported value"),
    ("adopt-nobody", _adopt(**{"from": [{}]}), None, "each entry of adopt.from needs"),
    (
        "adopt-both",
        _adopt(**{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}),
        None,
        "ipBlock takes no selector beside it",
    ),
)


def _user(user: str = "app", **reference: str) -> Spec:
    return {"name": user, "passwordSecret": {"name": "app-zk", "key": "password", **reference}}


def _auth(required: str, *users: Spec) -> Spec:
    return {"auth": {"users": list(users), "required": required}}


_SECURITY_REFUSED: Final[Sequence[tuple[str, Spec, Spec | None, str]]] = (
    (
        "tls-two-sources",
        _tls(source={"operatorCA": {}, "secretName": "a"}),
        None,
        "name one source: operatorCA, issuerRef or secretName",
    ),
    (
        "tls-three-sources",
        _tls(source={"operatorCA": {}, "secretName": "a", "issuerRef": {"name": "ca"}}),
        {"tls": {}},
        "name one source: operatorCA, issuerRef or secretName",
    ),
    (
        "tls-secret-name",
        _tls(source={"secretName": "My_TLS"}),
        None,
        "must be the name of a Secret",
    ),
    (
        "tls-own-secret",
        _tls(source={"secretName": "zk-tls"}),
        None,
        "must not be a Secret that the operator writes itself",
    ),
    (
        "tls-issuer-name",
        _tls(source={"issuerRef": {"name": "a/b"}}),
        None,
        "must be the name of an issuer",
    ),
    (
        "tls-issuer-kind",
        _tls(source={"issuerRef": {"name": "ca", "kind": "Authority"}}),
        None,
        "Unsupported value",
    ),
    ("tls-validity-days", _operator_ca(validity="3650d"), None, "validity must be a duration"),
    (
        "tls-validity-empty",
        _operator_ca(certificateValidity=""),
        None,
        "certificateValidity must be a dur",
    ),
    (
        "tls-renewal-negative",
        _operator_ca(renewBefore="-1h"),
        None,
        "renewBefore must be a duration",
    ),
    ("tls-validity-huge", _operator_ca(validity="9999999h"), None, "validity must be a duration"),
    (
        "tls-validity-short",
        _operator_ca(certificateValidity="59m", renewBefore="10m"),
        None,
        "certificateValidity must be 1h or longer",
    ),
    (
        "tls-renewal-at-once",
        _operator_ca(certificateValidity="720h"),
        None,
        "renewBefore must be shorter than certificateValidity",
    ),
    (
        "tls-renewal-late",
        _operator_ca(renewBefore="4m59s"),
        None,
        "renewBefore must be 5m or longer",
    ),
    (
        "tls-ca-short",
        _operator_ca(validity="4319h"),
        {"tls": {}},
        "validity must be at least twice certificateValidity",
    ),
    ("tls-clients-word", _tls(clients="Maybe"), None, "Unsupported value"),
    (
        "tls-certificates-of-nobody",
        _tls(clients="Disabled", clientCertificates="Need"),
        None,
        "clientCertificates needs clients: Optional or Required",
    ),
    *(
        (
            f"tls-config-{key}",
            {"config": {key: "true"}, "tls": {}},
            {"config": {key: "true"}},
            "are refused where tls or auth is set",
        )
        for key in ("serverCnxnFactory", "fips-mode", "authProvider.1", "superUser.a")
    ),
    (
        "tls-names-3.8",
        {"version": "3.8.6", **_tls(verifyPeerNames=True)},
        None,
        "tls.verifyPeerNames needs ZooKeeper 3.9.4 or later",
    ),
    (
        "tls-names-downgrade",
        {"version": "3.9.3", **_tls(verifyPeerNames=True)},
        {"version": "3.9.4", **_tls(verifyPeerNames=True)},
        "tls.verifyPeerNames needs ZooKeeper 3.9.4 or later",
    ),
    (
        "tls-metrics-port",
        {"metrics": {"port": 2281}, "tls": {}},
        {"metrics": {"port": 2281}},
        "2281 is no port for metrics where tls is set",
    ),
    *(
        (
            f"tls-config-metrics-port-{number}",
            {"config": {"metricsProvider.httpPort": number}, "tls": {}},
            None,
            "2281 is no port for metrics where tls is set",
        )
        for number in (2281, "+02281")
    ),
    (
        "auth-sasl-of-nobody",
        _auth("Sasl"),
        None,
        "required: Sasl needs at least one entry in users",
    ),
    ("auth-x509-without-tls", _auth("X509"), None, "auth.required: X509 needs tls.clients"),
    (
        "auth-x509-unasked",
        {**_auth("X509"), **_tls()},
        None,
        "auth.required: X509 needs tls.clients",
    ),
    (
        "auth-x509-with-users",
        {**_auth("X509", _user()), **_tls(clientCertificates="Want")},
        None,
        "required: X509 lets no user in",
    ),
    (
        "auth-any-of-nobody",
        {**_auth("Any"), **_tls()},
        None,
        "auth.required: Any needs at least one",
    ),
    (
        "auth-user-name",
        _auth("None", _user("App")),
        None,
        "name must consist of lower-case letters",
    ),
    ("auth-user-super", _auth("None", _user("super")), None, "name must not be super"),
    ("auth-user-own", _auth("None", _user("zookeeper-operator")), None, "name must not be super"),
    ("auth-user-twice", _auth("None", _user(), _user()), None, "Duplicate value"),
    (
        "auth-user-secret",
        _auth("None", _user(name="A")),
        None,
        "must name a Secret and one of its keys",
    ),
    (
        "auth-user-key",
        _auth("None", _user(key="a/b")),
        None,
        "must name a Secret and one of its keys",
    ),
)


_S3: Final = {"s3": {"bucket": "backups"}}
_LOCATION: Final = {"storage": _S3, "path": "demo/zk/0123abcd/20261126T020017Z-200000da0"}


def _bootstrap(**changes: Any) -> Spec:
    """A spec that begins from a backup."""
    return {"bootstrap": {"fromBackup": {"location": _LOCATION, **changes}}}


def _bootstrap_storage(**storage: Any) -> Spec:
    return _bootstrap(location={**_LOCATION, "storage": storage})


_REFERENCE: Final[Spec] = {"bootstrap": {"fromBackup": {"backupRef": {"name": "nightly"}}}}

_BOOTSTRAP_REFUSED: Final[Sequence[tuple[str, Spec, Spec | None, str]]] = (
    ("bootstrap-added", _bootstrap(), {}, "bootstrap cannot be changed"),
    ("bootstrap-removed", {}, _bootstrap(), "bootstrap cannot be changed"),
    ("bootstrap-changed", _REFERENCE, _bootstrap(), "bootstrap cannot be changed"),
    (
        "bootstrap-ephemeral",
        {**_bootstrap(), "storage": {"ephemeral": True}},
        None,
        "bootstrap needs volumes that stay",
    ),
    (
        "bootstrap-both",
        _bootstrap(backupRef={"name": "nightly"}),
        None,
        "exactly one of backupRef and location",
    ),
    ("bootstrap-neither", {"bootstrap": {"fromBackup": {}}}, None, "exactly one of backupRef"),
    ("bootstrap-subtree", _bootstrap(subtree="app"), None, "subtree must be the path of a znode"),
    ("bootstrap-dots", _bootstrap(subtree="/app/.."), None, "subtree must be the path of a znode"),
    ("bootstrap-epoch", _bootstrap(minEpoch=-1), None, "minEpoch must be 0 to"),
    (
        "bootstrap-reference",
        {"bootstrap": {"fromBackup": {"backupRef": {"name": "No/Name"}}}},
        None,
        "name must be the name of an object",
    ),
    (
        "bootstrap-path",
        _bootstrap(location={**_LOCATION, "path": "../x"}),
        None,
        "path must be a relative path",
    ),
    ("bootstrap-storage", _bootstrap_storage(), None, "storage needs exactly one of s3"),
    (
        "bootstrap-bucket",
        _bootstrap_storage(s3={"bucket": "s3://b"}),
        None,
        "bucket must be the name of a bucket",
    ),
    (
        "bootstrap-endpoint",
        _bootstrap_storage(s3={"bucket": "backups", "endpoint": "https://user:pw@host"}),
        None,
        "endpoint must be a URL",
    ),
    (
        "bootstrap-prefix",
        _bootstrap_storage(s3={"bucket": "backups", "prefix": "/a"}),
        None,
        "prefix must be a relative path",
    ),
    (
        "bootstrap-claim",
        _bootstrap_storage(persistentVolumeClaim={"claimName": "A"}),
        None,
        "claimName must be the name of an object",
    ),
    (
        "bootstrap-sub-path",
        _bootstrap_storage(persistentVolumeClaim={"claimName": "a", "subPath": "a/../b"}),
        None,
        "subPath must be a relative path",
    ),
)

REFUSED: Final[Sequence[tuple[str, Spec, Spec | None, str]]] = (
    *_ADOPTION_REFUSED,
    *_SECURITY_REFUSED,
    *_BOOTSTRAP_REFUSED,
    ("replicas-zero", {"replicas": 0}, None, "set stopped: true"),
    ("replicas-scaled-to-zero", {"replicas": 0}, {"replicas": 3}, "set stopped: true"),
    ("replicas-negative", {"replicas": -1}, None, "replicas must be 1 to 9"),
    ("replicas-eleven", {"replicas": 11}, None, "replicas must be 1 to 9"),
    ("replicas-ten", {"replicas": 10, "allowEvenReplicas": True}, None, "replicas must be 1 to 9"),
    ("replicas-even", {"replicas": 4}, None, "set allowEvenReplicas: true"),
    ("replicas-scaled-to-even", {"replicas": 2}, {"replicas": 3}, "set allowEvenReplicas: true"),
    ("version-no-number", {"version": "latest"}, None, "such as 3.9.4"),
    ("version-unknown", {"version": "3.10.0"}, None, "release line that is not known"),
    ("version-candidate", {"version": "3.9.6-rc1"}, None, "release line that is not known"),
    ("image-tag-and-digest", {"image": {"tag": "a", "digest": _DIGEST}}, None, "not both"),
    (
        "image-tag-in-repository",
        {"image": {"repository": "zk:3.9"}},
        None,
        "without tag and digest",
    ),
    ("image-bad-tag", {"image": {"tag": "3.9 4"}}, None, "tag must be an image tag"),
    ("image-bad-digest", {"image": {"digest": "sha256:12"}}, None, "64 hexadecimal digits"),
    ("image-pull-policy", {"image": {"pullPolicy": "Sometimes"}}, None, "Unsupported value"),
    ("observers-too-many", {"observers": {"replicas": 101}}, None, "must be 0 to 100"),
    ("observers-negative", {"observers": {"replicas": -1}}, None, "must be 0 to 100"),
    ("config-bad-key", {"config": {"dataDir x": "1"}}, None, "a key is made of"),
    ("config-long-key", {"config": {"a" * 129: "1"}}, None, "a key is made of"),
    ("config-line-break", {"config": {"tickTime": "1\ndataDir=/x"}}, None, "a value is one line"),
    ("config-return", {"config": {"tickTime": "1\rdataDir=/x"}}, None, "a value is one line"),
    ("config-boolean", {"config": {"forceSync": False}}, None, "must be of type integer,string"),
    ("config-long-value", {"config": {"a": "x" * 1025}}, None, "Too long"),
    ("config-many", {"config": {f"a{n}": 1 for n in range(101)}}, None, "Too many"),
    (
        "config-words-without-srvr",
        {"config": {"4lw.commands.whitelist": "ruok, srvrx"}},
        None,
        "4lw.commands.whitelist must keep srvr",
    ),
    (
        "config-words-number",
        {"config": {"4lw.commands.whitelist": 1}},
        None,
        "4lw.commands.whitelist must keep srvr",
    ),
    *_owned_keys(),
    *_wrong_values(),
    ("metrics-port", {"metrics": {"port": 0}}, None, "metrics.port must be a port"),
    ("metrics-own-port", {"metrics": {"port": 2888}}, None, "metrics.port must be a port"),
    ("metrics-nobody", {"metrics": {"from": [{}]}}, None, "needs namespaceSelector"),
    (
        "tls-grace",
        {"tls": {"plainClientsGrace": "soon"}},
        None,
        "plainClientsGrace must be a duration",
    ),
    ("clients-nobody", {"networkPolicy": {"clients": [{}]}}, None, "needs namespaceSelector"),
    (
        "clients-two-in-one",
        {"networkPolicy": {"clients": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}},
        None,
        "ipBlock takes no selector beside it",
    ),
    (
        "ingress-nobody",
        _ingress({"ports": [{"port": 9141}], "from": [{}]}),
        None,
        "extraIngress[].from needs namespaceSelector",
    ),
    (
        "ingress-two-in-one",
        _ingress(
            {
                "ports": [{"port": 9141}],
                "from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "namespaceSelector": {}}],
            }
        ),
        None,
        "ipBlock takes no selector beside it",
    ),
    ("ingress-no-ports", _ingress({"ports": []}), None, "needs ports"),
    ("ingress-port-0", _ingress({"ports": [{"port": 0}]}), None, "port must be 1 to 65535"),
    (
        "ingress-range-backwards",
        _ingress({"ports": [{"port": 9141, "endPort": 9140}]}),
        None,
        "endPort must be port or more",
    ),
    *(
        (
            f"ingress-own-port-{port}",
            _ingress({"ports": [{"port": port}]}),
            None,
            "does not open the members' own ports",
        )
        for port in (2181, 2182, 2281, 2888, 3888, 8080)
    ),
    (
        "ingress-range-over-own-port",
        _ingress({"ports": [{"port": 2182 + 1, "endPort": 9000}]}),
        None,
        "does not open the members' own ports",
    ),
    (
        "ingress-metrics-port",
        {"metrics": {"port": 9000}, **_ingress({"ports": [{"port": 8999, "endPort": 9001}]})},
        None,
        "extraIngress does not open metrics.port",
    ),
    (
        "metrics-two-in-one",
        {"metrics": {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}},
        None,
        "ipBlock takes no selector",
    ),
    ("jvm-heap-low", {"jvm": {"heapPercent": 9}}, None, "heapPercent must be 10 to 90"),
    ("jvm-heap-high", {"jvm": {"heapPercent": 91}}, None, "heapPercent must be 10 to 90"),
    ("jvm-two-in-one", {"jvm": {"options": ["-Da=1 -Db=2"]}}, None, "no white space"),
    ("jvm-no-dash", {"jvm": {"options": ["Xmx1g"]}}, None, "must begin with a dash"),
    ("jvm-xmx", {"jvm": {"options": ["-Xmx1g"]}}, None, "must not set the heap"),
    ("jvm-ram", {"jvm": {"options": ["-XX:MaxRAMPercentage=50"]}}, None, "must not set the heap"),
    (
        "jvm-property",
        {"jvm": {"options": ["-Dzookeeper.db.autocreate=true"]}},
        None,
        "set the key in spec.config",
    ),
    (
        "jvm-dns-cache",
        {"jvm": {"options": ["-Dsun.net.inetaddr.ttl=30"]}},
        None,
        "how long addresses are kept",
    ),
    ("jvm-old-xmx", {"jvm": {"options": ["-mx1g"]}}, None, "set the heap by an old name"),
    (
        "jvm-options-file",
        {"jvm": {"options": ["-XX:Flags=/data/flags"]}},
        None,
        "read further options from a file",
    ),
    (
        "jvm-out-of-memory",
        {"jvm": {"options": ["-XX:-ExitOnOutOfMemoryError"]}},
        None,
        "keep a member alive that is out of memory",
    ),
    (
        "jvm-port",
        {"jvm": {"options": ["-Dcom.sun.management.jmxremote.port=2181"]}},
        None,
        "open JMX on a port that the member listens on itself",
    ),
    ("label-key", {"labels": {"team!": "a"}}, None, "a key is a name of at most 63"),
    ("label-value", {"labels": {"team": "a b"}}, None, "the value of a label is empty, or"),
    (
        "label-owned",
        {"labels": {"app.kubernetes.io/instance": "x"}},
        None,
        "use other labels",
    ),
    (
        "label-of-our-group",
        {"labels": {"zookeeper.ensemble.dev/ensemble": "x"}},
        None,
        "use other labels",
    ),
    ("label-long-value", {"labels": {"team": "a" * 64}}, None, "Too long"),
    ("annotation-key", {"annotations": {"-": "a"}}, None, "a key is a name of at most 63"),
    (
        "annotation-owned",
        {"annotations": {"zookeeper.ensemble.dev/applied": "x"}},
        None,
        "use other annotations",
    ),
    ("security-mode", {"securityContext": {"mode": "Root"}}, None, "Unsupported value"),
    (
        "resources-request",
        {"resources": {"requests": {"cpu": "lots"}}},
        None,
        "requests: Invalid value",
    ),
    (
        "resources-limit",
        {"resources": {"limits": {"memory": "512 MB"}}},
        None,
        "every value must be a quantity",
    ),
    ("size-no-quantity", {"storage": {"data": {"size": "big"}}}, None, "must be a quantity"),
    ("size-zero", {"storage": {"data": {"size": "0"}}}, None, "must be a quantity"),
    ("log-size-no-quantity", {"storage": {"log": {"size": "5 GB"}}}, None, "must be a quantity"),
    ("size-huge", {"storage": {"data": {"size": "1e999999"}}}, None, "must be a quantity"),
    ("size-tiny", {"storage": {"data": {"size": "1e-999999"}}}, None, "must be a quantity"),
    (
        "size-grows-hugely",
        {"storage": {"data": {"size": "1e999999"}}},
        {"storage": {"data": {"size": "1Gi"}}},
        "must be a quantity",
    ),
    ("log-size-huge", {"storage": {"log": {"size": "9E999999"}}}, None, "must be a quantity"),
    (
        "resources-request-huge",
        {"resources": {"requests": {"memory": "1e999999"}}},
        None,
        "every value must be a quantity",
    ),
    (
        "resources-limit-huge",
        {"resources": {"limits": {"memory": "1e999999"}}},
        None,
        "every value must be a quantity",
    ),
    (
        "size-shrinks",
        {"storage": {"data": {"size": "4Gi"}}},
        {"storage": {"data": {"size": "5Gi"}}},
        "size can only grow",
    ),
    (
        "size-shrinks-to-the-default",
        {},
        {"storage": {"data": {"size": "10Gi"}}},
        "size can only grow",
    ),
    (
        "log-size-shrinks",
        {"storage": {"log": {"size": "900Mi"}}},
        {"storage": {"log": {"size": "1Gi"}}},
        "size can only grow",
    ),
    (
        "class-changes",
        {"storage": {"data": {"storageClassName": "fast"}}},
        {"storage": {"data": {"storageClassName": "slow"}}},
        "storageClassName cannot be changed",
    ),
    (
        "class-added",
        {"storage": {"data": {"storageClassName": "fast"}}},
        {},
        "storageClassName cannot be changed",
    ),
    (
        "class-removed",
        {},
        {"storage": {"data": {"storageClassName": "slow"}}},
        "storageClassName cannot be changed",
    ),
    (
        "log-class-changes",
        {"storage": {"log": {"storageClassName": "fast"}}},
        {"storage": {"log": {"storageClassName": "slow"}}},
        "storageClassName cannot be changed",
    ),
    ("log-added", {"storage": {"log": {}}}, {}, "log cannot be added or removed"),
    ("log-removed", {}, {"storage": {"log": {}}}, "log cannot be added or removed"),
    ("ephemeral-on", {"storage": {"ephemeral": True}}, {}, "ephemeral cannot be changed"),
    ("ephemeral-off", {}, {"storage": {"ephemeral": True}}, "ephemeral cannot be changed"),
    (
        "ephemeral-stopped",
        {"storage": {"ephemeral": True}, "stopped": True},
        {"storage": {"ephemeral": True}},
        "the data goes with the pods",
    ),
    ("retention", {"storage": {"retention": {"whenDeleted": "Keep"}}}, None, "Unsupported value"),
    ("external-type", {"external": {}}, None, "Required value"),
    ("external-host", _external(hostTemplate="zk-{ordinal}.example.org"), None, "are filled in"),
    (
        "external-one-address",
        {"external": {"type": "LoadBalancer", "hostTemplate": "zk.example.org"}},
        None,
        "advertised at one address",
    ),
    ("external-port-base", _external(portBase=65_500), None, "portBase must be 1 to"),
    ("external-admin-port", _member(adminNodePort=30081), None, "needs adminServer: true"),
    (
        "external-same-port",
        _external(members=[{"id": 1, "nodePort": 30001}, {"id": 2, "nodePort": 30001}]),
        None,
        "each nodePort may be used once",
    ),
    (
        "external-same-admin-port",
        _external(
            adminServer=True,
            members=[{"id": 1, "adminNodePort": 30001}, {"id": 2, "adminNodePort": 30001}],
        ),
        None,
        "each adminNodePort may be used once",
    ),
    (
        "external-same-port-twice",
        _external(adminServer=True, members=[{"id": 1, "nodePort": 3, "adminNodePort": 3}]),
        None,
        "each adminNodePort may be used once",
    ),
    ("external-same-id", _external(members=[{"id": 1}, {"id": 1}]), None, "Duplicate value"),
    ("external-id-zero", _external(members=[{"id": 0}]), None, "id must be 1 to 100"),
    ("external-id-high", _external(members=[{"id": 201}]), None, "id must be 1 to 100"),
    ("external-node-port", _member(nodePort=65_536), None, "nodePort must be a port"),
    (
        "external-admin-node-port",
        _external(adminServer=True, members=[{"id": 1, "adminNodePort": 0}]),
        None,
        "adminNodePort must be a port",
    ),
)
"""Cases the API server has to refuse: id, spec, old spec, and a part of the message."""

ACCEPTED: Final[Sequence[tuple[str, Spec, Spec | None]]] = (
    ("tls", {"tls": {}}, None),
    ("tls-on", {"tls": {}}, {}),
    ("tls-off", {"tls": None}, {"tls": {"clients": "Required"}}),
    (
        "tls-operator-ca",
        _operator_ca(certificateValidity="1h", renewBefore="59m", validity="2h"),
        None,
    ),
    ("tls-operator-ca-in-parts", _operator_ca(certificateValidity="800h30m5s"), None),
    ("tls-issuer", _tls(source={"issuerRef": {"name": "ca", "kind": "ClusterIssuer"}}), None),
    ("tls-secret", _tls(source={"secretName": "my.tls"}), {"tls": {"source": {"operatorCA": {}}}}),
    (
        "tls-required-without-certificates",
        _tls(clients="Required", clientCertificates="None"),
        None,
    ),
    ("tls-quorum-alone", _tls(clients="Disabled"), None),
    ("tls-clients-alone", _tls(quorum="Disabled", clientCertificates="Want"), None),
    ("tls-names", {"version": "3.9.4", **_tls(verifyPeerNames=True)}, None),
    ("tls-names-later", {"version": "3.9.17", **_tls(verifyPeerNames=True)}, None),
    ("auth-nothing", {"auth": {}}, None),
    ("auth-users", _auth("Sasl", _user(), _user("app-2")), None),
    ("auth-x509", {**_auth("X509"), **_tls(clientCertificates="Want")}, None),
    ("auth-any-users", _auth("Any", _user()), None),
    ("auth-any-certificates", {**_auth("Any"), **_tls(clientCertificates="Need")}, None),
    ("empty", {}, None),
    ("one", {"replicas": 1}, None),
    ("one-to-five", {"replicas": 5}, {"replicas": 1}),
    ("nine", {"replicas": 9}, None),
    ("metrics-off", {"metrics": {"enabled": False}}, None),
    (
        "metrics-from",
        {
            "metrics": {
                "port": 9000,
                "from": [
                    {"namespaceSelector": {}},
                    {"podSelector": {"matchLabels": {"app": "prometheus"}}},
                    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
                ],
            }
        },
        None,
    ),
    ("even-on-purpose", {"replicas": 4, "allowEvenReplicas": True}, None),
    ("hundred-observers", {"observers": {"replicas": 100}}, None),
    ("upgrade", {"version": "3.9.5"}, {"version": "3.8.6"}),
    ("downgrade", {"version": "3.8.6"}, {"version": "3.9.5"}),
    ("unknown-patch", {"version": "3.9.17"}, None),
    ("unknown-patch-below", {"version": "3.8.0"}, {"version": "3.9.5"}),
    ("unknown-with-tag", {"version": "3.10.0", "image": {"tag": "3.10.0-custom"}}, None),
    ("unknown-with-digest", {"version": "3.10.0-rc.1", "image": {"digest": _DIGEST}}, None),
    (
        "registry-with-port",
        {"image": {"repository": "registry.example.org:5000/team/zookeeper"}},
        None,
    ),
    ("registry-alone", {"image": {"repository": "localhost:5001/zookeeper"}}, None),
    (
        "pull-secrets",
        {"image": {"pullPolicy": "Always", "pullSecrets": [{"name": "a"}, {"name": "b"}]}},
        None,
    ),
    (
        "config",
        {
            "config": {
                "tickTime": 2000,
                "maxClientCnxns": "60",
                "leaderServes": "no",
                "autopurge.purgeInterval": 1,
                "extendedTypesEnabled": "true",
                "4lw.commands.whitelist": "ruok, srvr,mntr",
            }
        },
        None,
    ),
    (
        "config-known-values",
        {
            "config": {
                "tickTime": "2000",
                "initLimit": "+10",
                "minSessionTimeout": -1,
                "snapSizeLimitInKb": "4194304000",
                "metricsProvider.httpPort": "7001",
                "forceSync": "no",
                "tcpKeepAlive": "TRUE",
            }
        },
        None,
    ),
    ("config-unknown-key", {"config": {"tikTime": "banana"}}, None),
    ("config-all-words", {"config": {"4lw.commands.whitelist": "*"}}, None),
    ("config-full", {"config": {f"a{n}": "x" * 1024 for n in range(100)}}, None),
    ("jvm", {"jvm": {"heapPercent": 90, "options": ["-XX:+UseZGC", "-Djute.maxbuffer=1"]}}, None),
    (
        "resources",
        {"resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"memory": "1.5Gi"}}},
        None,
    ),
    ("no-resources", {"resources": {}}, None),
    ("bootstrap", _bootstrap(subtree="/app", minEpoch=7), None),
    ("bootstrap-from-claim", _bootstrap_storage(persistentVolumeClaim={"claimName": "a"}), None),
    ("bootstrap-stays", _REFERENCE, _REFERENCE),
    ("grow", {"storage": {"data": {"size": "10Gi"}}}, {}),
    ("same-size", {"storage": {"data": {"size": "5120Mi"}}}, {}),
    (
        "log",
        {"storage": {"log": {"size": "2Gi", "storageClassName": "fast"}}},
        {"storage": {"log": {"size": "1Gi", "storageClassName": "fast"}}},
    ),
    (
        "nulls",
        {
            "storage": {"data": {"size": "5Gi", "storageClassName": None}, "log": None},
            "external": None,
            "podTemplate": None,
        },
        None,
    ),
    (
        "nulls-removed",
        {},
        {"storage": {"data": {"storageClassName": None}, "log": None}, "external": None},
    ),
    ("null-ports", _external(portBase=None, members=[{"id": 1, "nodePort": None}]), None),
    ("ephemeral", {"storage": {"ephemeral": True}}, {"storage": {"ephemeral": True}}),
    (
        "retention",
        {"storage": {"retention": {"whenDeleted": "Delete", "whenScaled": "Delete"}}},
        {},
    ),
    ("ephemeral-new-and-stopped", {"storage": {"ephemeral": True}, "stopped": True}, None),
    ("stopped-and-paused", {"stopped": True, "paused": True}, {}),
    (
        "node-ports",
        _external(
            adminServer=True,
            hostTemplate="127.0.0.1",
            portBase=2181,
            externalTrafficPolicy="Cluster",
            members=[
                {"id": 1, "nodePort": 30181, "adminNodePort": 30081},
                {"id": 2, "nodePort": 30182, "adminNodePort": 30082},
                {"id": 101},
            ],
        ),
        {},
    ),
    (
        "many-node-ports",
        _external(
            members=[{"id": n, "nodePort": 30000 + n} for n in (*range(1, 10), *range(101, 201))]
        ),
        None,
    ),
    ("external-off", {}, _external()),
    (
        "load-balancers",
        {
            "external": {
                "type": "LoadBalancer",
                "hostTemplate": "{pod}.{namespace}.example.org",
                "annotations": {"example.org/pool": "a"},
            }
        },
        None,
    ),
    ("address-of-version-6", _external(hostTemplate="[fd00::1]"), None),
    (
        "labels-and-annotations",
        {
            "labels": {"team": "a", "example.org/cost-center": "", "a" * 63: "b" * 63},
            "annotations": {"example.org/note": "any text: of course"},
        },
        None,
    ),
    (
        "adopt",
        _adopt(
            connectionString="a-0.a.old.svc:2181,[fd00::1]:65535,10.0.0.1",
            statefulSet={"name": "a", "namespace": "old"},
            **{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
        ),
        None,
    ),
    ("adopt-swap", _adopt(proceed="Swap"), _adopt()),
    ("adopt-undo", _adopt(), _adopt(proceed="Swap")),
    ("first-id", {"firstMemberId": 92, "replicas": 9}, None),
    ("security-of-the-platform", {"securityContext": {"mode": "Platform"}}, {}),
    ("tls-no-grace", {"tls": {"clients": "Required", "plainClientsGrace": "0s"}}, {}),
    ("tls-grace", {"tls": {"clients": "Required", "plainClientsGrace": "1h30m"}}, None),
    ("no-network-policy", {"networkPolicy": {"enabled": False}}, None),
    (
        "network-policy",
        {
            "networkPolicy": {
                "clients": [
                    {"podSelector": {"matchLabels": {"app": "shop"}}},
                    {"namespaceSelector": {}},
                    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
                ],
                "extraIngress": [
                    {"ports": [{"port": 9141}, {"port": 9200, "endPort": 9300, "protocol": "UDP"}]},
                    {"ports": [{"port": 53}], "from": [{"podSelector": {}}]},
                ],
            }
        },
        {},
    ),
    (
        "ingress-port-of-metrics-that-are-off",
        {"metrics": {"enabled": False}, **_ingress({"ports": [{"port": 7000}]})},
        None,
    ),
    (
        "pod-template",
        {
            "podTemplate": {
                "metadata": {"labels": {"team": "a"}},
                "spec": {"nodeSelector": {"disk": "fast"}, "affinity": None},
            }
        },
        None,
    ),
)
"""Cases the API server has to accept: id, spec, old spec."""

REFUSED_NAMES: Final[Sequence[tuple[str, str]]] = (
    ("1zk", "metadata.name must be at most 40 characters"),
    ("zk.prod", "metadata.name must be at most 40 characters"),
    ("z" * 41, "metadata.name must be at most 40 characters"),
    ("zk-observer", "metadata.name must not end in -observer"),
)
"""Names of ensembles the API server has to refuse, and a part of the message."""

ACCEPTED_NAMES: Final[Sequence[str]] = ("z", "zk-1", "z" * 40, "observer")
"""Names of ensembles the API server has to accept."""

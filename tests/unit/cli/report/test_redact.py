"""No secret stays in a report, whatever it is called and wherever it stands."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zookeeper_operator.cli.report.redact import (
    MASK,
    Redactor,
    is_sensitive,
    secret_names,
    secret_values,
)

LEAKS = [
    "ssl.keyStore.password=hunter2-hunter2",
    "ssl.keyStore.password = hunter2-hunter2",
    "-Dzookeeper.ssl.trustStore.password=hunter2-hunter2 -Xmx1g",
    "-Dzookeeper.DigestAuthenticationProvider.superDigest=super:hunter2-hunter2",
    '{"password": "hunter2-hunter2"}',
    "password: 'hunter2-hunter2'",
    "DB_PASSWORD=hunter2-hunter2",
    "api_key: hunter2-hunter2",
    "https://user:hunter2-hunter2@registry.example/v2",
    "Authorization: Bearer hunter2-hunter2.hunter2",
    "token eyJhunter2hunter2.hunter2hunter2.sig",
    "-----BEGIN RSA PRIVATE KEY-----\nhunter2\nhunter2\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nhunter2 and the log was cut here",
    "'digest,'app:hunter2hunter2hunter2hunter2=",
]


@pytest.mark.parametrize("text", LEAKS)
def test_what_is_called_like_a_secret_is_masked(text: str) -> None:
    masked = Redactor().text(text)
    assert "hunter2" not in masked
    assert MASK in masked


@pytest.mark.parametrize(
    "text",
    [
        "secretName: zk-auth",
        "ssl.keyStore.passwordPath=/tls/password",
        "tokenExpirationSeconds: 3607",
        "zk-2 leads epoch 2; before it zk-1 led epoch 1",
        "automountServiceAccountToken: false",
        "2026-11-26 18:00:00,123 INFO  Session 0x100000 established",
        "https://registry.example/v2/zookeeper:3.9.5",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    value: Any = dict([text.split(": ", 1)]) if text.count(": ") == 1 else text
    if text.endswith(": false"):
        value = {"automountServiceAccountToken": False}
    assert Redactor().value(value) == value


def test_a_known_value_is_masked_in_every_form_and_place() -> None:
    secret = 'p@ss "word"/ü'
    encoded = base64.b64encode(secret.encode()).decode()
    tree = {
        "log": f"logged in with {secret}!",
        "list": [{"deep": encoded}, json.dumps({"x": secret})],
        f"key-{secret}": 1,
    }
    found = json.dumps(Redactor([secret]).value(tree), ensure_ascii=False)
    assert secret not in found
    assert encoded not in found
    assert 'p@ss \\\\"word' not in found
    assert found.count(MASK) == 4


def test_each_line_of_a_known_text_is_masked_by_itself() -> None:
    secret = "first-line-of-it\nshort\nlast-line-of-it\n"
    found = Redactor([secret]).text("log 1: first-line-of-it\nlog 2: last-line-of-it\nshort")
    assert found == f"log 1: {MASK}\nlog 2: {MASK}\nshort"


def test_variables_of_containers_are_masked_by_their_name() -> None:
    env = [
        {"name": "APP_PASSWORD", "value": "hunter2"},
        {"name": "LEVEL", "value": "INFO"},
        {"name": "APP_TOKEN", "valueFrom": {"secretKeyRef": {"name": "app", "key": "token"}}},
    ]
    found = Redactor().value({"env": env})["env"]
    assert [item.get("value") for item in found] == [MASK, "INFO", None]
    assert found[2] == env[2]


def test_copies_of_the_whole_object_are_left_out() -> None:
    annotation = "kubectl.kubernetes.io/last-applied-configuration"
    metadata = {"name": "zk", "managedFields": [{}], "annotations": {annotation: "{}", "a": "b"}}
    assert Redactor().value(metadata) == {"name": "zk", "annotations": {"a": "b"}}


def test_numbers_can_be_secrets_too() -> None:
    assert Redactor(["12345"]).value({"pin": 12345, "port": 2181}) == {"pin": MASK, "port": 2181}
    assert Redactor().value({"ssl.keyStore.password": 12345}) == {"ssl.keyStore.password": MASK}


@given(
    secret=st.text(
        st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), min_size=4, max_size=30
    ).filter(lambda s: s not in MASK),
    around=st.text(max_size=20),
)
def test_no_known_value_survives(secret: str, around: str) -> None:
    redactor = Redactor([secret])
    for text in (secret, f"{around}{secret}", f"{secret}{secret}{around}"):
        assert secret not in redactor.text(text).replace(MASK, "")
    assert is_sensitive("password")


POD: dict[str, Any] = {
    "volumes": [
        {"name": "a", "secret": {"secretName": "volume"}},
        {"name": "b", "projected": {"sources": [{"secret": {"name": "projected"}}]}},
    ],
    "containers": [
        {
            "env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "env", "key": "k"}}}],
            "envFrom": [{"secretRef": {"name": "env-from"}}],
        }
    ],
    "imagePullSecrets": [{"name": "pull"}],
}


def test_every_way_in_which_a_pod_refers_to_a_secret() -> None:
    body = {"spec": {"image": {"pullSecrets": ["registry"]}, "podTemplate": {"spec": POD}}}
    assert secret_names([body]) == {
        *("volume", "projected", "env", "env-from", "pull", "registry"),
    }
    assert secret_names([None, "text", {"secret": None, "secretRef": 3}]) == frozenset()


def test_a_certificate_is_no_secret_and_the_key_beside_it_is() -> None:
    """As in the Secret that members mount; the CA stands in a ConfigMap for everyone too."""
    certificate = "-----BEGIN CERTIFICATE-----\nMIIBcertificate+/=\n-----END CERTIFICATE-----\n"
    key = "-----BEGIN PRIVATE KEY-----\nMIIEprivate-key\n-----END PRIVATE KEY-----\n"
    data = {"tls.pem": key + certificate, "ca.crt": certificate, "password": "of-the-store"}
    encoded = {name: base64.b64encode(text.encode()).decode() for name, text in data.items()}
    values = secret_values({"data": encoded})
    assert [value.strip() for value in values] == [key.strip(), encoded["tls.pem"], "of-the-store"]
    log = f"{key} MIIEprivate-key {encoded['tls.pem']}"
    found = Redactor(values).value({"ca.crt": certificate, "log": log})
    assert found["ca.crt"] == certificate
    assert "private-key" not in found["log"]
    assert encoded["tls.pem"] not in found["log"]


def test_the_values_of_a_secret_with_the_passwords_inside_of_json() -> None:
    config = json.dumps({"auths": {"registry": {"auth": "dTpw", "password": "deep-one"}}})
    data = {
        "user": "admin",
        "plain": "plain-one",
        ".dockerconfigjson": config,
    }
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    encoded["binary"] = base64.b64encode(b"\xff\xfe\xfd\xfc").decode()
    found = secret_values({"data": encoded}, harmless=["user"])
    assert found == ["plain-one", config, "dTpw", "deep-one", encoded["binary"]]
    assert secret_values({}) == []

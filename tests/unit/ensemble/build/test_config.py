"""zoo.cfg and the other files of `NAME-config`."""

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.ensemble.build.targets import target

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.api.schema.owned_keys import refusal_of
from zookeeper_operator.ensemble.build import config as module
from zookeeper_operator.ensemble.build.config import build_config, zoo_cfg

OWNED = {
    "dataDir": "/data",
    "dataLogDir": "/datalog",
    "quorumListenOnAllIPs": "true",
    "electionPortBindRetry": "0",
    "standaloneEnabled": "false",
    "reconfigEnabled": "true",
    "db.autocreate": "false",
    "fastleader.maxNotificationInterval": "2000",
    "admin.enableServer": "true",
    "admin.serverPort": "8080",
    "admin.snapshot.enabled": "false",
    "admin.restore.enabled": "false",
}


def spec(**fields: Any) -> EnsembleSpec:
    return EnsembleSpec.model_validate(fields)


def read_properties(text: str) -> dict[str, str]:
    """Read a file as `java.util.Properties` does, which is what ZooKeeper uses."""
    found = {}
    lines = iter(re.split(r"\r\n|\n|\r", text))
    for raw in lines:
        line = raw.lstrip(" \t\f")
        if not line or line[0] in "#!":
            continue
        while (len(line) - len(line.rstrip("\\"))) % 2:
            line = line[:-1] + next(lines, "").lstrip(" \t\f")
        matched = re.match(r"((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(.*)$", line, re.DOTALL)
        assert matched is not None
        key, value = (_unescaped(part) for part in matched.groups())
        found[key] = value
    return found


def _unescaped(text: str) -> str:
    units = re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), text)
    joined = units.encode("utf-16", "surrogatepass").decode("utf-16")
    return re.sub(r"\\(.)", r"\1", joined)


def test_what_the_operator_decides_is_there() -> None:
    assert read_properties(zoo_cfg(spec())).items() >= OWNED.items()


def test_every_key_it_decides_is_refused_in_the_spec() -> None:
    assert set(module._OWNED) == set(OWNED)
    for key in OWNED:
        assert refusal_of(key), key


def test_no_default_is_refused_in_the_spec() -> None:
    for key in read_properties(zoo_cfg(spec())).keys() - OWNED.keys():
        assert refusal_of(key) is None, key


def test_the_super_user_is_not_in_it() -> None:
    assert "superDigest" not in zoo_cfg(spec())


def test_the_spec_overrides_a_default_and_adds_keys() -> None:
    text = zoo_cfg(
        spec(config={"tickTime": 500, "globalOutstandingLimit": "10", "leaderServes": False})
    )
    found = read_properties(text)
    assert found["tickTime"] == "500"
    assert found["globalOutstandingLimit"] == "10"
    assert found["leaderServes"] == "no"
    assert text.count("tickTime=") == 1


def test_the_order_does_not_depend_on_the_spec() -> None:
    one = {"b.key": 1, "a.key": 2, "tickTime": 3}
    assert zoo_cfg(spec(config=one)) == zoo_cfg(spec(config=dict(reversed(one.items()))))


_keys = st.one_of(
    st.sampled_from(sorted(OWNED)),
    st.sampled_from(["server.1", "dynamicConfigFile", "tickTime", "x", "skipACL", "zookeeper.x"]),
    st.text(max_size=12),
)
_values = st.one_of(st.text(max_size=12), st.integers(), st.booleans())


@given(st.dictionaries(_keys, _values, max_size=8))
@example({"zz": "\\"})
@example({"x": "1\nreconfigEnabled=false"})
@example({"x": "1\rreconfigEnabled=false"})
@example({"reconfigEnabled ": "false"})
@example({" dataDir": "/elsewhere"})
@example({"x=1\nskipACL": "yes"})
@example({"name": "é漢🐘"})
def test_nothing_in_the_spec_can_override_what_the_operator_decides(
    config: dict[str, str | int | bool],
) -> None:
    """Not by its key, and not by a value that leaves its line; nor what start.sh adds at the end."""
    text = zoo_cfg(spec(config=config)) + "dynamicConfigFile=/conf/zoo.cfg.dynamic\n"
    found = read_properties(text)
    assert found.items() >= OWNED.items()
    assert found["dynamicConfigFile"] == "/conf/zoo.cfg.dynamic"
    assert text.isascii()
    for key in found.keys() - OWNED.keys() - {"dynamicConfigFile"}:
        assert refusal_of(key) is None, key


@given(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=20))
def test_a_value_arrives_as_it_was_written(value: str) -> None:
    found = read_properties(zoo_cfg(spec(config={"some.key": value})))
    assert found["some.key"] == value.lstrip(" \t\f")


@pytest.mark.parametrize(
    ("storage", "preallocated", "log"),
    [
        ({"data": {"size": "100Gi"}}, 65536, 524288),
        ({"data": {"size": "4Gi"}}, 65536, 524288),
        ({"data": {"size": "3Gi"}}, 32768, 262144),
        ({"data": {"size": "1Gi"}}, 16384, 131072),
        ({"data": {"size": "256Mi"}}, 4096, 32768),
        ({"data": {"size": "1Mi"}}, 1024, 8192),
        ({"data": {"size": "100Gi"}, "log": {"size": "1Gi"}}, 16384, 131072),
    ],
)
def test_the_log_fits_the_volume(storage: dict[str, Any], preallocated: int, log: int) -> None:
    """Pain 27: 4 GiB per log file, and 64 MiB before the first write, fill a small volume."""
    found = read_properties(zoo_cfg(spec(storage=storage)))
    assert found["preAllocSize"] == str(preallocated)
    assert found["snapSizeLimitInKb"] == str(log)


def test_growing_a_volume_that_is_not_small_changes_nothing() -> None:
    """Otherwise growing it would restart the members."""
    sizes = [{"data": {"size": size}} for size in ("5Gi", "6Gi", "500Gi")]
    assert len({zoo_cfg(spec(storage=storage)) for storage in sizes}) == 1


def test_the_config_map_holds_the_files_of_a_pod() -> None:
    data = build_config(target())["data"]
    assert list(data) == ["zoo.cfg", "metrics.cfg", "logback.xml", "start.sh", "started.sh"]
    assert data["start.sh"].startswith("#!/bin/bash\n")
    assert ET.fromstring(data["logback.xml"]).tag == "configuration"  # noqa: S314 - our own file


def test_an_ensemble_that_may_have_adopted_keeps_ttl_znodes() -> None:
    """A leader without extended types takes them for ephemeral ones of a session that has ended."""
    assert "extendedTypesEnabled" not in read_properties(zoo_cfg(spec()))
    adopted = read_properties(zoo_cfg(spec(firstMemberId=11)))
    assert adopted["extendedTypesEnabled"] == "true"

"""Specs nobody thought of: generated from the CRD's own schema, and near misses of such."""

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from hypothesis import strategies as st

from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import Object

_FILE: Final = Path(__file__).parents[2] / "crds" / f"{names.PLURAL}.yaml"
# What the schema leaves open is drawn from what people write, so that most specs get through.
_FREE: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "config": st.dictionaries(
        st.sampled_from(["maxClientCnxns", "tickTime", "initLimit", "no.such.key", "dataDir"]),
        st.one_of(st.integers(-1, 5000), st.booleans(), st.sampled_from(["", "x", "a\nb", "ü"])),
        max_size=2,
    ),
    "podTemplate": st.sampled_from(
        [
            {},
            {"metadata": {"labels": {"team": "a"}}},
            {"spec": {"nodeSelector": {"no-such": "node"}}},
            {"spec": {"containers": [{"name": "zookeeper", "env": [{"name": "A", "value": "b"}]}]}},
            {"spec": {"containers": [{"name": "second", "image": "second"}]}},
            {"spec": {"containers": "none"}},
            {"spec": {"tolerations": [{"operator": "Sometimes"}]}},
            {"spec": {"terminationGracePeriodSeconds": "long"}},
            {"spec": {"noSuchField": 1}},
            {"kind": "Pod"},
        ]
    ),
    "resources": st.sampled_from(
        [
            {"limits": {"memory": "1Gi"}},
            {"requests": {"cpu": "1000000"}},
            {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}},
            {"limits": {"memory": "1"}},
            {"limits": {"no-such/resource": 1}},
        ]
    ),
    "options": st.lists(
        st.sampled_from(["-Xss1m", "-Da=b", "-Xmx1g", "", "$(rm -rf /)"]), max_size=2
    ),
    "size": st.sampled_from(["1Gi", "8Gi", "1", "0", "1e3", "1Pi"]),
    "storageClassName": st.sampled_from(["farm", "no-such-class"]),
    "hostTemplate": st.sampled_from(["", "zk-{id}.example.com", "{}", "{member}"]),
    "repository": st.sampled_from(
        ["zookeeper", "registry.example.com/a/zookeeper", "No Such Image"]
    ),
    "tag": st.sampled_from(["", "3.9.5", "latest", "a b"]),
    # Most numbers there are would only show that they are refused.
    "replicas": st.sampled_from([1, 3, 3, 3, 5, 2, 0, 1000]),
    "heapPercent": st.sampled_from([50, 75, 10, 0, 100]),
    "portBase": st.sampled_from([30100, 32767, 0]),
    "version": st.sampled_from(["3.9.5", "3.9.5", "3.8.4", "3.5.0", "nine", ""]),
    "digest": st.sampled_from(["", f"sha256:{'a' * 64}", "sha256:a"]),
    "labels": st.dictionaries(
        st.sampled_from(["team", "example.com/a", "not valid!"]),
        st.sampled_from(["a", "", "a b"]),
        max_size=2,
    ),
    "annotations": st.dictionaries(
        st.sampled_from(["a", "example.com/a", "not valid!", "x" * 80]), st.just("v"), max_size=2
    ),
}


def schema() -> Object:
    """The schema of `spec`."""
    definition = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    version = definition["spec"]["versions"][0]
    found: Object = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


def valid(part: Object, name: str = "") -> st.SearchStrategy[Any]:
    """Values that this part of the schema describes; its rules in CEL are not among that."""
    if name in _FREE:
        return _FREE[name]
    if "enum" in part:
        return st.sampled_from(part["enum"])
    if part.get("x-kubernetes-int-or-string"):
        return st.sampled_from([0, 1, "1", "500m", "1Gi"])
    match part.get("type"):
        case "object" if "properties" in part:
            required = set(part.get("required", []))
            fields = {key: valid(value, key) for key, value in part["properties"].items()}
            return st.fixed_dictionaries(
                {k: v for k, v in fields.items() if k in required},
                optional={k: v for k, v in fields.items() if k not in required},
            )
        case "object":
            values = part.get("additionalProperties", {"type": "string"})
            return st.dictionaries(st.sampled_from(["a", "b"]), valid(values), max_size=2)
        case "array":
            most = min(part.get("maxItems", 3), 3)
            return st.lists(valid(part["items"]), min_size=part.get("minItems", 0), max_size=most)
        case "integer" | "number":
            return st.integers(part.get("minimum", -5), min(part.get("maximum", 100_000), 100_000))
        case "boolean":
            return st.booleans()
    if "pattern" in part:
        shape = st.from_regex(re.compile(part["pattern"], re.ASCII), fullmatch=True)
        return shape.filter(lambda text: len(text) <= part.get("maxLength", 60))
    return st.text("abc-.0", min_size=part.get("minLength", 0), max_size=8)


_ODD: Final[st.SearchStrategy[Any]] = st.sampled_from(
    [None, -1, 0, 10**12, 1.5, "", "x" * 300, "ü\n", [], {}, [None], True]
)


@st.composite
def near_misses(draw: st.DrawFn, whole: Object) -> Object:
    """A spec with one place that is odd: of another type, out of range, unknown, or gone."""
    spec: Object = copy.deepcopy(draw(valid(whole)))
    place: Any = spec
    while True:
        keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        below = place[key]
        if isinstance(below, (dict, list)) and below and draw(st.booleans()):
            place = below
            continue
        place[key] = draw(_ODD)
        return spec
    spec[draw(st.sampled_from(["noSuchField", "replica", "Replicas"]))] = draw(_ODD)
    return spec


def specs() -> st.SearchStrategy[Object]:
    """Both; a third are near misses."""
    whole = schema()
    return st.one_of(valid(whole), valid(whole), near_misses(whole))

"""Manifests: read as they were written, and refused where they say what this version does not know."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.archive.stored import manifest_of, zxids

from zookeeper_operator.archive.manifest import LONGEST, ManifestError, parse_manifest


@given(
    zxids,
    st.one_of(st.none(), st.text(max_size=20)),
    st.sampled_from(["Exact", "Unknown"]),
    st.one_of(st.none(), st.builds(lambda k: {"keyId": k}, st.from_regex("[0-9a-f]{16}"))),
)
def test_a_manifest_is_read_as_it_was_written(
    zxid: int, schedule: str | None, consistency: str, encryption: Any
) -> None:
    manifest = manifest_of(
        zxid=f"{zxid:x}", schedule=schedule, consistency=consistency, encryption=encryption
    )
    assert parse_manifest(manifest.text()) == manifest
    assert manifest.transaction == zxid


@given(st.binary(max_size=200))
def test_anything_else_is_refused_with_a_reason(content: bytes) -> None:
    with pytest.raises(ManifestError) as error:
        parse_manifest(content)
    assert str(error.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", 2),
        ("format", "1"),
        ("zxid", "no number"),
        ("startedAt", "yesterday"),
        ("data", "../../etc/passwd"),
        ("compression", "zstd"),
        ("sha256", None),
        ("encryption", {"algorithm": "ROT13", "keyId": "1"}),
        ("verified", {}),
    ],
)
def test_a_value_that_is_not_known_is_refused_by_its_name(field: str, value: Any) -> None:
    changed = {**manifest_of().to_api(), field: value}
    with pytest.raises(ManifestError):
        parse_manifest(json.dumps(changed).encode())


def test_fields_of_later_versions_are_ignored() -> None:
    changed = {**manifest_of().to_api(), "later": {"a": 1}}
    assert parse_manifest(json.dumps(changed).encode()) == manifest_of()


def test_what_is_too_long_or_too_deep_is_refused() -> None:
    with pytest.raises(ManifestError):
        parse_manifest(b" " * (LONGEST + 1))
    with pytest.raises(ManifestError):
        parse_manifest(b"[" * 100_000)

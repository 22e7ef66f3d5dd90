"""Hashes of JSON values, which stand on live objects: they must never change."""

from zookeeper_operator.kube.hashes import content_hash


def test_a_hash_is_the_same_for_ever() -> None:
    assert content_hash({"b": [1, None], "a": "ä"}) == content_hash({"a": "ä", "b": [1, None]})
    assert content_hash({}) == "44136fa355b3678a"

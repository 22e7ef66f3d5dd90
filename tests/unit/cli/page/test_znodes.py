"""Znodes as the page shows them."""

import json

from zookeeper_operator.cli.page.znodes import child_as_value, content_as_value
from zookeeper_operator.zookeeper.browsing import Content, Grant, Stat

STAT = Stat(1 << 33, 1 << 62, 0, 1_700_000_000_000, 0, 3, 0, 0, 1 << 60, 5, 2)


def test_a_line_of_the_tree() -> None:
    assert child_as_value("/", "a\u202e<b>", STAT) == {
        "path": "/a\u202e<b>",
        "name": "a\u202e<b>",
        "label": "a\\u202e<b>",
        "hidden": False,
        "size": 5,
        "count": 2,
        "ephemeral": True,
    }


def test_a_znode_that_may_not_be_read_is_listed() -> None:
    found = child_as_value("/a", "b", "hidden")
    assert (found["path"], found["hidden"], found["count"]) == ("/a/b", True, 0)


def test_numbers_that_a_browser_would_round_are_texts() -> None:
    found = content_as_value("/a", Content(b"hello", STAT, (Grant("world", "anyone", "read"),)))
    assert (found["stat"]["mzxid"], found["stat"]["version"]) == ("0x4000000000000000", 3)
    assert found["acl"] == [{"scheme": "world", "id": "anyone", "permissions": "read"}]
    assert found["data"]["text"] == "hello"
    numbers = json.loads(json.dumps(found))["stat"].values()
    assert all(isinstance(n, str) or n < 1 << 53 for n in numbers)


def test_an_acl_that_may_not_be_read() -> None:
    assert content_as_value("/a", Content(b"", STAT, None))["acl"] is None

"""What of a child was edited."""

from zookeeper_operator.core.plan.children import first_difference


def test_a_label_more_in_a_selector_is_an_edit_and_anywhere_else_is_not() -> None:
    wanted = {"metadata": {"labels": {"a": "b"}}, "spec": {"selector": {"a": "b"}}}
    live = {"metadata": {"labels": {"a": "b", "c": "d"}}, "spec": {"selector": {"a": "b"}}}
    assert first_difference(wanted, live) is None
    live["spec"]["selector"]["c"] = "d"
    assert first_difference(wanted, live) == "spec.selector"

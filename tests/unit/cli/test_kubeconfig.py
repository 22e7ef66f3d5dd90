"""Which cluster is meant: the same choice as kubectl's."""

import json
from pathlib import Path
from typing import Any

import pytest

from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.kubeconfig import Choice, KubeContext, find_target

NONE: dict[str, str] = {}


def write(path: Path, *contexts: str, current: str = "", **namespaces: str) -> Path:
    """A kubeconfig with these contexts, each with a cluster and a user of its own."""

    def context(name: str) -> dict[str, Any]:
        found = {"cluster": name, "user": name}
        return found | ({"namespace": namespaces[name]} if name in namespaces else {})

    content = {
        "clusters": [{"name": name, "cluster": {}} for name in contexts],
        "users": [{"name": name, "user": {}} for name in contexts],
        "contexts": [{"name": name, "context": context(name)} for name in contexts],
        "current-context": current,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_the_file_of_the_home_is_the_last_resort(tmp_path: Path) -> None:
    home = write(tmp_path / ".kube" / "config", "a", current="a", a="team")
    assert find_target(Choice(), NONE, tmp_path) == KubeContext(str(home), "a", "team")


def test_the_variable_comes_before_the_home_and_the_option_before_both(tmp_path: Path) -> None:
    write(tmp_path / ".kube" / "config", "a", current="a")
    named = write(tmp_path / "named", "b", current="b")
    asked = write(tmp_path / "asked", "c", current="c")
    environment = {"KUBECONFIG": f"{tmp_path / 'missing'}:{named}"}
    assert find_target(Choice(), environment, tmp_path).context == "b"
    assert find_target(Choice(str(asked)), environment, tmp_path).context == "c"


def test_of_several_files_the_first_that_says_it_counts(tmp_path: Path) -> None:
    one = write(tmp_path / "one", "a", "b", current="b", b="first")
    two = write(tmp_path / "two", "b", "c", current="c", b="second")
    environment = {"KUBECONFIG": f"{one}:{two}"}
    assert find_target(Choice(), environment, tmp_path) == KubeContext(str(one), "b", "first")
    assert find_target(Choice(context="c"), environment, tmp_path).kubeconfig == str(two)


def test_the_namespace_is_the_option_then_the_contexts_then_default(tmp_path: Path) -> None:
    path = str(write(tmp_path / "one", "a", "b", current="a", a="team"))
    assert find_target(Choice(path, namespace="x"), NONE, tmp_path).namespace == "x"
    assert find_target(Choice(path), NONE, tmp_path).namespace == "team"
    assert find_target(Choice(path, "b"), NONE, tmp_path).namespace == "default"


def test_kubectl_is_pointed_to_the_same_place() -> None:
    arguments = KubeContext("/file", "a", "demo").kubectl()
    assert arguments == ["--kubeconfig", "/file", "--context", "a", "--namespace", "demo"]
    assert KubeContext("", "", "demo").kubectl() == ["--namespace", "demo"]


def test_inside_a_pod_it_is_the_pods_cluster_and_namespace(tmp_path: Path) -> None:
    inside = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    own = tmp_path / "namespace"
    own.write_text("team\n", encoding="ascii")
    assert find_target(Choice(), inside, tmp_path, own) == KubeContext("", "", "team")
    assert find_target(Choice(), inside, tmp_path, tmp_path / "none") == KubeContext(
        "", "", "default"
    )
    with pytest.raises(Failure, match="no kubeconfig"):
        find_target(Choice("/nowhere/config"), inside, tmp_path, own)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty or not a kubeconfig"),
        ("[]", "is empty or not a kubeconfig"),
        ("{", "cannot be read"),
        ("contexts: []", "no context is chosen in"),
        ("current-context: a", "there is no context a in .*; there are: none"),
        (
            "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]",
            "has no cluster c and no user u in that file",
        ),
        ("current-context: x\ncontexts: [{name: a}, 5]", "there is no context x in .*: a"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "config"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Failure, match=said):
        find_target(Choice(str(path)), NONE, tmp_path)


def test_a_file_that_is_no_text_is_said(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Failure, match="cannot be read"):
        find_target(Choice(str(path)), NONE, tmp_path)


def test_nothing_at_all_says_where_was_looked(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"\.kube/config does not exist"):
        find_target(Choice(), NONE, tmp_path)

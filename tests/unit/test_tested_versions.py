"""The page about tested versions says what the tests use."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import yaml

from zookeeper_operator.api.versions import KNOWN_VERSIONS

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs/reference/tested-versions.md").read_text(encoding="utf-8")
KIND: Final = ROOT / "e2e/kind"
INTEGRATION: Final = ROOT / "tests/integration"
_RELEASE: Final = r"3[.][0-9]+[.][0-9]+"


def rows() -> dict[tuple[str, str], str]:
    """The versions in the table by what they are of, and by the command that tests with them."""
    found = re.findall(r"^[|] (\w+) [|] `make ([\w-]+)` [|] ([^|]+) [|]", PAGE, re.MULTILINE)
    return {(of, command): versions for of, command, versions in found}


def found_in(path: Path, pattern: str) -> str:
    (found,) = re.findall(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
    return str(found)


def listed(versions: Iterable[str]) -> str:
    return ", ".join(sorted(set(versions)))


def test_the_page_says_what_the_tests_use() -> None:
    e2e = found_in(KIND / "versions.sh", r"^zookeeper_versions=\((.*)\)$").split()
    fixtures = (INTEGRATION / "conftest.py").read_text(encoding="utf-8")
    integration = [
        *re.findall(rf'"({_RELEASE})"', fixtures),
        found_in(INTEGRATION / "zookeeper/pom.xml", rf"<zookeeper.version>({_RELEASE})<"),
    ]
    assert rows() == {
        ("Kubernetes", "e2e"): found_in(KIND / "versions.sh", r"^kubernetes_version=([0-9.]+)$"),
        ("Kubernetes", "integration"): found_in(
            KIND / "offline/kubernetes/go.mod", r"k8s.io/kubernetes v([0-9.]+)$"
        ),
        ("ZooKeeper", "e2e"): listed(e2e),
        ("ZooKeeper", "integration"): listed(integration),
    }


def test_the_page_says_what_the_chart_needs() -> None:
    chart = yaml.safe_load((ROOT / "charts/zookeeper-operator/Chart.yaml").read_text())
    lowest = re.findall(r"^>=(1[.][0-9]+)", chart["kubeVersion"])
    assert re.findall(r"installs on Kubernetes (1[.][0-9]+) or later", PAGE) == lowest


def test_the_newest_known_release_of_each_line_is_tested() -> None:
    newest = {version.rpartition(".")[0]: version for version in KNOWN_VERSIONS}
    assert set(newest.values()) <= set(rows()["ZooKeeper", "integration"].split(", "))

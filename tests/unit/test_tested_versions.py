"""The page about tested versions says what the tests use."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest
import yaml
from e2e.tested import HEAD, Row, note, read_rows, write_rows
from e2e.tested import PAGE as TESTED_VERSIONS

from zookeeper_operator.api.versions import KNOWN_VERSIONS

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = TESTED_VERSIONS.read_text(encoding="utf-8")
KIND: Final = ROOT / "e2e/kind"
INTEGRATION: Final = ROOT / "tests/integration"
_RELEASE: Final = r"3[.][0-9]+[.][0-9]+"


def rows() -> dict[tuple[str, str], str]:
    """The versions in the table by what they are of, and by the command that tests with them."""
    used, _, _ = PAGE.partition("\n## ")
    found = re.findall(r"^[|] (\w+) [|] `make ([^`]+)` [|] ([^|]+) [|]", used, re.MULTILINE)
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
        ("Kubernetes", "integration KUBERNETES=oldest"): found_in(
            KIND / "offline/kubernetes-oldest/go.mod", r"k8s.io/kubernetes v([0-9.]+)$"
        ),
        ("ZooKeeper", "e2e"): listed(e2e),
        ("ZooKeeper", "integration"): listed(integration),
    }


def test_the_page_says_what_the_chart_needs() -> None:
    chart = yaml.safe_load((ROOT / "charts/zookeeper-operator/Chart.yaml").read_text())
    lowest = re.findall(r"^>=(1[.][0-9]+)", chart["kubeVersion"])
    assert re.findall(r"installs on Kubernetes (1[.][0-9]+) or later", PAGE) == lowest
    oldest = rows()["Kubernetes", "integration KUBERNETES=oldest"]
    assert [oldest.rpartition(".")[0]] == lowest


def test_the_newest_known_release_of_each_line_is_tested() -> None:
    newest = {version.rpartition(".")[0]: version for version in KNOWN_VERSIONS}
    assert set(newest.values()) <= set(rows()["ZooKeeper", "integration"].split(", "))


def test_a_run_shows_the_versions_that_its_servers_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stage, version in (("first", "v1.37.2"), ("second", "v1.37.2"), ("second", "v1.38.0")):
        monkeypatch.setenv("TESTED_NOTES", str(tmp_path / f"{stage}.tested"))
        monkeypatch.setattr("e2e.tested._noted", set())
        note("make e2e", "Kubernetes", version)
        note("make e2e", "Kubernetes", version)
    passed = {"first": 10, "second": 5, "third": 7}
    (row,) = read_rows(tmp_path, passed, "2030-01-02")
    assert str(row) == "| Kubernetes | `make e2e` | 1.37.2, 1.38.0 | 15 | 2030-01-02 |"


def test_a_run_changes_its_own_rows_of_the_page() -> None:
    other = Row("Kubernetes", "make integration", "1.37.2", 300, "2030-01-01")
    before = f"# Page\n\n{HEAD}{other}\n\nText.\n"
    first = Row("Kubernetes", "make e2e", "1.37.2", 100, "2030-01-01")
    second = Row("Kubernetes", "make e2e", "1.38.0", 101, "2030-01-02")
    page = write_rows(write_rows(before, [first]), [second])
    assert page == f"# Page\n\n{HEAD}{second}\n{other}\n\nText.\n"
    assert write_rows(PAGE, [first]).count(HEAD) == 1

"""The pages are true: every command block of them runs, and prints what the page says."""

from pathlib import Path

import pytest
from e2e import outside
from e2e.cluster import Cluster
from e2e.places import Operator
from e2e.tutorial import ROOT, follow, parse

PAGE = ROOT / "docs/tutorial.md"
NAMESPACE = "course"


@pytest.fixture
def free(cluster: Cluster, operator: Operator) -> None:
    """Nothing else has the page's namespace, or the ports that lead to this machine."""
    del operator
    cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", timeout=120)
    outside.wait_free(cluster)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("free")
def test_every_command_of_the_tutorial_prints_what_the_page_says() -> None:
    """All chapters, as a reader follows them who has the page and a kind cluster."""
    read_and_do(PAGE)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("page", sorted((ROOT / "docs/how-to").glob("*.md")), ids=lambda p: p.stem)
def test_every_command_of_a_how_to_page_does_what_it_says(page: Path) -> None:
    """Each page creates a namespace of its own, and leaves nothing."""
    read_and_do(page)


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.timeout(1500)
@pytest.mark.usefixtures("operator")
def test_every_command_of_the_page_about_monitoring_does_what_it_says() -> None:
    """It stops the operator of the cluster for some minutes, until an alert fires."""
    read_and_do(ROOT / "docs/monitoring.md")


def read_and_do(page: Path) -> None:
    """Run every block of a page.

    Raises:
        AssertionError: one of them printed something else than the page says, or failed.
    """
    wrong = []
    for step, seconds, problem in follow(parse(page)):
        print(f"{seconds:6.1f} s  line {step.line}: {step.title()}")
        if problem:
            wrong.append(f"{page.name}:{step.line}: {step.title()}\n{problem}")
    assert not wrong, "\n\n".join(wrong)

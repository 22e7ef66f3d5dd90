"""Members that begin from the data of a source that is cut over begin in a later epoch than it comes to."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.ensemble.build.targets import target
from tests.unit.ensemble.build.test_start_script import ENSEMBLE, Root

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble.build.config import build_config
from zookeeper_operator.ensemble.build.membership import build_membership
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.target import Target

SOURCE = {"connectionString": "old-0.old:2181", "mode": "CutOver"}


def target_of(*, adopt: bool = True, epoch: int = 0) -> Target:
    fields = {"firstMemberId": 11, **({"adopt": SOURCE} if adopt else {})}
    lines = tuple(ENSEMBLE.server(i) for i in (11, 12, 13))
    membership = Membership(lines, 0, (), "uid-1", epoch=epoch)
    return replace(target(), spec=EnsembleSpec.model_validate(fields), membership=membership)


def accepted(tmp_path: Path, *, member: int = 11, version: int = 0, before: str = "7") -> str:
    """The accepted epoch of a member with data, after it has started from a list with an epoch."""
    root = Root(tmp_path, member=member)
    found = target_of(epoch=1007)
    for name, text in build_config(found)["data"].items():
        (root.path / "config" / name).write_text(text)
    listed = replace(found, membership=replace(found.membership, version=version))
    for name, text in build_membership(listed)["data"].items():
        (root.path / "membership" / name).write_text(text)
    root.fill("data")
    root.fill("datalog", "log.1")
    for folder in ("data", "datalog"):
        (root.path / folder / "identity").write_text(f"uid-1 {member}\ndemo/zk\n")
    epoch = root.path / "data/version-2/acceptedEpoch"
    epoch.write_text(before)
    root.started()
    return epoch.read_text()


def test_a_voter_of_the_first_list_accepts_no_earlier_epoch(tmp_path: Path) -> None:
    assert accepted(tmp_path) == "1007"


@pytest.mark.parametrize(
    ("member", "version", "before"), [(11, 1008 << 32, "7"), (14, 0, "7"), (11, 0, "2000")]
)
def test_nobody_else_changes_what_it_has_accepted(
    tmp_path: Path, member: int, version: int, before: str
) -> None:
    assert accepted(tmp_path, member=member, version=version, before=before) == before


def test_the_script_is_part_of_start_sh_only_where_a_source_is_or_was_cut_over() -> None:
    def raises(found: Target) -> bool:
        return "raise_epoch" in build_config(found)["data"]["start.sh"]

    assert raises(target_of())
    assert raises(target_of(adopt=False, epoch=1007)), "an edit of the spec alone restarts nobody"
    assert not raises(target_of(adopt=False))
    assert not raises(target())
    script = build_config(target_of())["data"]["start.sh"]
    assert script.index("choose_servers\n") < script.index("\nraise_epoch\n")
    assert script.index("\nraise_epoch\n") < script.index("\nwrite_configuration\n")


def test_the_whole_script_passes_shellcheck(tmp_path: Path) -> None:
    file = tmp_path / "start.sh"
    file.write_text(build_config(target_of())["data"]["start.sh"])
    checked = subprocess.run(
        [str(Path(sys.executable).with_name("shellcheck")), str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout

"""start.sh, run for real by bash in a folder that plays the root of a pod."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from tests.unit.ensemble.build.targets import target

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble.build.config import build_config
from zookeeper_operator.ensemble.build.membership import build_membership
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.zookeeper.servers import Server

ROOT = Path(__file__).parents[4]
REFUSED = 64
ENSEMBLE = Ensemble("demo", "zk", "uid-1", 1, EnsembleSpec())
FOUNDERS = (1, 2, 3)
# Stands for the image's entrypoint: tells what it was given, as ZooKeeper would find it.
ENTRYPOINT = """#!/bin/bash
echo "args=$*"
echo "servers=$ZOO_SERVERS"
echo "flags=$SERVER_JVMFLAGS"
for flag in $SERVER_JVMFLAGS; do
  [[ $flag != @* ]] || echo "options=$(< "${flag#@}")"
done
seen=$(tr '\\0' ' ' < "/proc/$$/environ"; tr '\\0' ' ' < "/proc/$$/cmdline")
[[ $seen != *super:abc=* ]] || echo "leaked=yes"
"""


def tools_of_the_image(folder: Path) -> Path:
    """A folder for PATH with what the published image has, and nothing else of this machine."""
    described = yaml.safe_load((ROOT / "e2e/published_image.yaml").read_text())
    folder.mkdir()
    for name in described["tools"]:
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    return folder


class Root:
    """The file system of one member's pod."""

    def __init__(self, path: Path, *, member: int = 1) -> None:
        self.path = path
        self.member = member
        (path / "dev").mkdir()
        self.tools = tools_of_the_image(path / "dev/tools")
        for folder in ("data", "datalog", "conf", "config", "membership", "super-user"):
            (path / folder).mkdir()
        (path / "super-user/digest").write_text("super:abc=")
        (path / "docker-entrypoint.sh").write_text(ENTRYPOINT)
        (path / "docker-entrypoint.sh").chmod(0o755)
        for name, text in build_config(target())["data"].items():
            (path / "config" / name).write_text(text)
        self.publish(ids=FOUNDERS)

    def publish(
        self, *, ids: tuple[int, ...], version: int = 0, founders: tuple[int, ...] = FOUNDERS
    ) -> None:
        servers = tuple(ENSEMBLE.server(i) for i in ids)
        membership = Membership(servers, version, founders, "uid-1")
        for name, text in build_membership(replace(target(), membership=membership))[
            "data"
        ].items():
            (self.path / "membership" / name).write_text(text)

    def store(self, version: int, ids: tuple[int, ...], *, of: Ensemble | None = None) -> None:
        lines = "\n".join((of or ENSEMBLE).server(i).line() for i in ids)
        (self.path / f"conf/zoo.cfg.dynamic.{version:x}").write_text(lines)

    def fill(self, folder: str = "data", name: str = "snapshot.0") -> None:
        (self.path / folder / "version-2").mkdir(exist_ok=True)
        (self.path / folder / "version-2" / name).write_text("data")

    def stamp(self, text: str, *folders: str) -> None:
        for folder in folders or ("data", "datalog"):
            (self.path / folder / "identity").write_text(text)

    def start(self, **changed: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": str(self.tools),
            "START_ROOT": str(self.path),
            "ZOO_MY_ID": str(self.member),
            "POD_NAME": f"zk-{self.member}",
            "MEMBERS_DOMAIN": "demo.svc.cluster.local",
            "ENSEMBLE_IDENTITY": "uid-1",
            "SERVER_JVMFLAGS": "-Dx=y",
            **changed,
        }
        return subprocess.run(
            ["bash", str(self.path / "config/start.sh")],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )

    def started(self) -> "Started":
        result = self.start()
        assert result.returncode == 0, result.stderr
        return Started(self, dict(line.split("=", 1) for line in result.stdout.splitlines()))

    def refused(self, **changed: str) -> str:
        before = self.files()
        result = self.start(**changed)
        assert result.returncode == REFUSED, (result.returncode, result.stderr)
        said = (self.path / "dev/termination-log").read_text().strip()
        assert said
        assert said in result.stderr
        assert {k: v for k, v in self.files().items() if not k.startswith("dev/")} == before
        return said

    def files(self) -> dict[str, str]:
        return {
            str(file.relative_to(self.path)): file.read_text()
            for file in sorted(self.path.rglob("*"))
            if file.is_file() and not file.is_relative_to(self.path / "dev")
        }

    def has(self, name: str) -> bool:
        return (self.path / name).exists()


class Started:
    """What ZooKeeper would start from."""

    def __init__(self, root: Root, told: Mapping[str, str]) -> None:
        self.told = told
        text = (root.path / "conf/zoo.cfg").read_text()
        settings = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        self.list = Path(settings["dynamicConfigFile"])
        self.version = int(suffix, 16) if (suffix := self.list.name[16:]) else 0
        self.servers = [line for line in self.list.read_text().splitlines() if line]
        self.ids = {int(line.split("=")[0].removeprefix("server.")) for line in self.servers}


def settings(root: Root) -> list[str]:
    """The keys in the zoo.cfg of the member."""
    return [
        line.partition("=")[0] for line in (root.path / "conf/zoo.cfg").read_text().splitlines()
    ]


@pytest.mark.parametrize("folder", ["lib", "."])
def test_metrics_are_turned_on_where_the_image_has_the_provider(root: Root, folder: str) -> None:
    image = root.path / "image"
    for part in ("bin", "lib"):
        (image / part).mkdir(parents=True)
    (image / "bin/zkServer.sh").touch(mode=0o755)
    path = f"{image}/bin:{root.tools}"
    without = root.start(PATH=path)
    assert "metricsProvider.className" not in settings(root)
    assert "member 1 starts without metrics" in without.stderr
    (image / folder / "zookeeper-prometheus-metrics-3.9.4.jar").touch()
    found = root.start(PATH=path)
    assert {"metricsProvider.className", "metricsProvider.httpPort"} <= set(settings(root))
    assert "without metrics" not in found.stderr
    assert settings(root)[-1] == "dynamicConfigFile"


def test_an_image_without_the_scripts_of_zookeeper_starts_without_metrics(root: Root) -> None:
    root.started()
    assert "metricsProvider.className" not in settings(root)


def init_limit(root: Root) -> str:
    """The limit that the member starts with."""
    root.started()
    text = (root.path / "conf/zoo.cfg").read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("initLimit="))
    return line.removeprefix("initLimit=")


def store_database(root: Root, **sizes: int) -> None:
    """Files of the database, by their names with `_` for `.`, and their sizes in MiB."""
    for name, size in sizes.items():
        folder = root.path / ("data" if name.startswith("snapshot") else "datalog") / "version-2"
        folder.mkdir(exist_ok=True)
        (folder / name.replace("_", ".")).write_bytes(bytes(size << 20))
    root.stamp("uid-1 1\ndemo/zk\n")


@pytest.mark.parametrize(
    ("sizes", "limit"),
    [
        ({}, "10"),
        ({"snapshot_0": 19}, "10"),
        ({"snapshot_100000000": 40}, "12"),
        ({"snapshot_10000000a": 40, "snapshot_9fffffff": 200}, "12"),
        ({"snapshot_10000000a": 40, "log_100000001": 60, "log_10000000b": 20}, "13"),
        ({"log_1": 20}, "11"),
        ({"snapshot_5_gz": 20}, "14"),
        ({"snapshot_5_snappy": 20, "log_6": 20}, "15"),
        ({"snapshot_unknown": 80}, "10"),
    ],
)
def test_a_member_with_more_data_gives_others_more_time_to_copy_it(
    root: Root, sizes: dict[str, int], limit: str
) -> None:
    """A second for each 10 MiB of the newest snapshot and the log since, in whole ticks of two seconds."""
    store_database(root, **sizes)
    assert init_limit(root) == limit


def test_space_that_a_log_has_only_reserved_does_not_count(root: Root) -> None:
    store_database(root, log_1=0)
    os.truncate(root.path / "datalog/version-2/log.1", 200 << 20)
    assert init_limit(root) == "10"


@pytest.mark.parametrize(
    ("configured", "limit"),
    [
        ("tickTime=2000\ninitLimit=60\n", "62"),
        ("tickTime=500\ninitLimit=10\n", "18"),
        ("tickTime=3000\ninitLimit=10 \n", "11"),
        ("tickTime=2000\ninitLimit=many\n", "many"),
        ("tickTime=abc\ninitLimit=10\n", "10"),
        ("tickTime=0\ninitLimit=10\n", "10"),
    ],
)
def test_the_limit_of_the_configuration_is_the_least_one(
    root: Root, configured: str, limit: str
) -> None:
    """What is no number is left as it is: the server says what is wrong with it."""
    (root.path / "config/zoo.cfg").write_text(configured)
    store_database(root, snapshot_1=40)
    assert init_limit(root) == limit


def test_nothing_is_said_of_metrics_that_are_not_asked_for(root: Root) -> None:
    (root.path / "config/metrics.cfg").unlink()
    assert "metrics" not in root.start().stderr


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def test_a_fresh_founder_may_elect_and_starts_from_the_published_list(root: Root) -> None:
    started = root.started()
    assert started.ids == {1, 2, 3}
    assert started.version == 0
    assert root.has("datalog/initialize")
    assert not root.has("data/initialize")
    assert (root.path / "data/myid").read_text().strip() == "1"
    assert (root.path / "data/identity").read_text() == "uid-1 1\ndemo/zk\n"
    assert started.told["args"] == "zkServer.sh start-foreground"
    assert len(started.told["servers"].split()) == 3


def test_the_digest_reaches_the_server_only(root: Root) -> None:
    """By a pipe that Java reads options from: it is in no argument, no variable and no other file."""
    told = root.started().told
    assert told["options"] == "-Dzookeeper.DigestAuthenticationProvider.superDigest=super:abc="
    pipe, *flags = told["flags"].split()
    assert pipe.startswith("@/dev/fd/")
    assert flags == ["-Dx=y", "-Dmember.database=founder"]
    assert "leaked" not in told
    holders = [name for name, text in root.files().items() if "Digest=super:abc=" in text]
    assert holders == []


@pytest.mark.parametrize("digest", ["", None], ids=["empty", "absent"])
def test_without_the_digest_a_member_does_not_start(root: Root, digest: str | None) -> None:
    """It would serve, and nobody could change the list of members any more."""
    file = root.path / "super-user/digest"
    file.unlink() if digest is None else file.write_text(digest)
    result = root.start()
    assert result.returncode == REFUSED
    said = (root.path / "dev/termination-log").read_text()
    assert "the digest of the super user cannot be read at /super-user" in said


def test_a_start_leaves_no_process_behind(root: Root) -> None:
    """What writes the digest has ended before the server starts, which would never collect it."""
    (root.path / "docker-entrypoint.sh").write_text(
        '#!/bin/bash\nread -r children < "/proc/$$/task/$$/children" || true\n'
        'echo "children=$children"\n'
    )
    assert root.started().told["children"] == ""


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("data", "snapshot.0"),
        ("datalog", "log.100000001"),
        ("data", "currentEpoch"),
    ],
)
def test_a_founder_that_holds_a_database_never_founds_again(
    root: Root, folder: str, name: str
) -> None:
    root.started()
    (root.path / "datalog/initialize").unlink()  # ZooKeeper removes it when it is read
    root.fill(folder, name)
    root.started()
    assert not root.has("datalog/initialize")


def test_a_founder_that_crashed_before_its_first_snapshot_may_still_found(root: Root) -> None:
    root.started()
    (root.path / "datalog/initialize").unlink()
    (root.path / "data/version-2").mkdir()
    root.started()
    assert root.has("datalog/initialize")


def test_a_mark_left_over_is_taken_away_once_the_ensemble_is_founded(root: Root) -> None:
    """Pain 1 and 8: an empty member of a founded ensemble may only join."""
    root.started()
    assert root.has("datalog/initialize")
    root.publish(ids=FOUNDERS, version=0x100000000, founders=())
    root.started()
    assert not root.has("datalog/initialize")


def test_founder_ids_are_compared_whole(tmp_path: Path) -> None:
    root = Root(tmp_path, member=11)
    root.publish(ids=(1, 2), founders=(1, 2, 111))
    root.started()
    assert not root.has("datalog/initialize")


def test_a_joiner_starts_as_an_observer_of_no_agreed_version(tmp_path: Path) -> None:
    root = Root(tmp_path, member=4)
    root.publish(ids=FOUNDERS, version=0x100000000, founders=())
    started = root.started()
    assert started.ids == {1, 2, 3, 4}
    assert started.version == 0
    own = "server.4=zk-4.demo.svc.cluster.local:2888:3888:observer;0.0.0.0:2181"
    assert own in started.servers
    assert not root.has("datalog/initialize")
    assert ENSEMBLE.server(4, "observer").line() == own


def test_a_member_is_not_mistaken_for_one_whose_id_begins_alike(root: Root) -> None:
    root.publish(ids=(10, 11), version=1)
    assert "observer" in next(s for s in root.started().servers if s.startswith("server.1="))


def test_a_newer_stored_list_wins_over_the_published_one(root: Root) -> None:
    root.publish(ids=(1, 2), version=0x100000000, founders=())
    root.store(0x200000005, (1, 2, 3))
    started = root.started()
    assert (started.version, started.ids) == (0x200000005, {1, 2, 3})


def test_versions_are_compared_as_numbers(root: Root) -> None:
    root.publish(ids=(1, 2), version=0x900000000, founders=())
    root.store(0x1000000000, (1, 2, 3))
    assert root.started().version == 0x1000000000


def test_an_older_stored_list_gives_way_to_the_published_one(root: Root) -> None:
    root.publish(ids=(1, 2, 3), version=0x300000000, founders=())
    root.store(0x200000005, (1, 2))
    started = root.started()
    assert (started.version, started.ids) == (0x300000000, {1, 2, 3})


def test_of_two_stored_lists_the_newer_one_counts(root: Root) -> None:
    root.store(0x200000005, (1, 2, 3, 4))
    root.store(0x100000000, (1, 2))
    started = root.started()
    assert (started.version, started.ids) == (0x200000005, {1, 2, 3, 4})


def test_a_retained_volume_whose_list_is_older_and_without_me_is_no_trouble(
    tmp_path: Path,
) -> None:
    """Pain 6: `My id 4 not in the peer list` after scaling down and up again."""
    root = Root(tmp_path, member=4)
    root.stamp("uid-1 4\n")
    root.fill()
    root.store(0x200000005, (1, 2, 3))
    root.publish(ids=(1, 2, 3), version=0x300000000, founders=())
    started = root.started()
    assert started.version == 0
    assert started.ids == {1, 2, 3, 4}


def test_a_member_that_was_removed_does_not_come_back_with_a_vote(tmp_path: Path) -> None:
    """It knows of a list without itself, newer than the published one that still has it."""
    root = Root(tmp_path, member=3)
    root.publish(ids=(1, 2, 3), version=0x100000000, founders=())
    root.store(0x200000005, (1, 2))
    started = root.started()
    assert started.version == 0
    assert any(s.startswith("server.3=") and ":observer;" in s for s in started.servers)


@pytest.mark.parametrize("folder", ["data", "datalog"])
def test_the_volume_of_another_ensemble_is_refused(root: Root, folder: str) -> None:
    root.stamp("uid-9 1\n", folder)
    said = root.refused()
    assert "another ensemble (uid-9; this one is uid-1)" in said
    assert f"/{folder} " in said


# ---- copies of volumes, and what they say about their place ----

ELSEWHERE = Ensemble("prod", "zk", "uid-1", 1, EnsembleSpec())
OTHER_NAME = Ensemble("demo", "zk2", "uid-1", 1, EnsembleSpec())


@pytest.mark.parametrize("folder", ["data", "datalog"])
@pytest.mark.parametrize("place", ["prod/zk", "demo/zk2", "demo/zk-observer"])
def test_a_copy_of_the_volume_of_an_ensemble_elsewhere_is_refused(
    root: Root, folder: str, place: str
) -> None:
    """Identity and id are the original's. By its list the member would join the original."""
    root.stamp(f"uid-1 1\n{place}\n", folder)
    said = root.refused()
    assert f"of the ensemble {place}" in said
    assert "this ensemble is demo/zk" in said
    assert "delete the claim and the pod" in said


@pytest.mark.parametrize("of", [ELSEWHERE, OTHER_NAME], ids=["namespace", "name"])
@pytest.mark.parametrize("version", [0, 0x200000005])
def test_an_unstamped_copy_is_told_by_its_list(root: Root, of: Ensemble, version: int) -> None:
    root.stamp("uid-1 1\n")
    root.fill()
    root.store(version, (1, 2, 3), of=of)
    if version == 0:  # as it is called before the first leader has given it a version
        (root.path / "conf/zoo.cfg.dynamic.0").rename(root.path / "conf/zoo.cfg.dynamic")
    assert of.server(1).host in root.refused()


def test_an_unstamped_copy_whose_list_leaves_the_member_out_is_refused(tmp_path: Path) -> None:
    root = Root(tmp_path, member=4)
    root.stamp("uid-1 4\n")
    root.fill()
    root.store(0x200000005, (1, 2, 3), of=ELSEWHERE)
    assert ELSEWHERE.server(1).host in root.refused()


@pytest.mark.parametrize("ids", [(1, 2, 3), (2, 3), ()], ids=["names me", "leaves me out", "none"])
def test_a_volume_from_before_is_stamped(root: Root, ids: tuple[int, ...]) -> None:
    root.stamp("uid-1 1\n")
    root.fill()
    if ids:
        root.store(0x200000005, ids)
    root.started()
    for folder in ("data", "datalog"):
        assert (root.path / folder / "identity").read_text() == "uid-1 1\ndemo/zk\n"
    root.started()


def test_another_cluster_domain_is_no_other_place(root: Root) -> None:
    root.started()
    root.store(0x200000005, (1, 2, 3), of=replace(ENSEMBLE, cluster_domain="cluster.example"))
    assert root.started().version == 0x200000005


def test_the_published_list_counts_whomever_it_names(root: Root) -> None:
    """Members of another ensemble are in it while their data is taken over."""
    root.started()
    published = root.path / "membership/ZOO_SERVERS"
    published.write_text(published.read_text() + Server(9, "elsewhere.example").line() + "\n")
    assert 9 in root.started().ids


def test_stored_lists_of_another_ensemble_do_not_count(root: Root) -> None:
    """On a volume that a person has given to this ensemble, by its second line."""
    root.stamp("uid-1 1\ndemo/zk\n")
    root.fill()
    root.store(0x300000000, (1, 2, 3), of=ELSEWHERE)
    root.store(0x300000001, (2, 3), of=ELSEWHERE)
    proposed = root.path / "conf/zoo.cfg.dynamic.next"
    proposed.write_text(f"{ELSEWHERE.server(1).line()}\nversion=400000000\n")
    started = root.started()
    assert started.version == 0
    assert all(".demo.svc." in line for line in started.servers)
    assert not any("prod" in text for text in root.files().values())


def test_an_observer_is_at_the_place_of_its_ensemble(tmp_path: Path) -> None:
    root = Root(tmp_path, member=101)
    root.publish(ids=FOUNDERS, version=1, founders=())
    assert root.start(POD_NAME="zk-observer-101").returncode == 0
    assert (root.path / "data/identity").read_text() == "uid-1 101\ndemo/zk\n"


# ---- what a member says about its database ----


@pytest.mark.parametrize(
    ("epoch", "database"), [(None, "none"), ("-1", "none"), ("0", "kept"), ("5", "kept")]
)
def test_a_member_says_whether_it_holds_a_database(
    root: Root, epoch: str | None, database: str
) -> None:
    """A real server without a database writes -1 for its epoch."""
    root.publish(ids=FOUNDERS, version=1, founders=())
    root.started()
    if epoch is not None:
        root.fill("data", "currentEpoch")
        (root.path / "data/version-2/currentEpoch").write_text(epoch)
    assert f"-Dmember.database={database}" in root.started().told["flags"]


def test_who_founds_again_begins_after_the_last_epoch(root: Root) -> None:
    (root.path / "membership/epoch").write_text("1005")
    root.fill("data", "currentEpoch")
    for name in ("currentEpoch", "acceptedEpoch"):
        (root.path / "data/version-2" / name).write_text("-1")
    assert "-Dmember.database=founder" in root.started().told["flags"]
    assert root.has("datalog/initialize")
    assert (root.path / "data/version-2/acceptedEpoch").read_text() == "1005"
    assert not root.has("data/version-2/currentEpoch"), "ZooKeeper refuses -1 below a database"


@pytest.mark.parametrize("folder", ["data", "datalog"])
def test_the_volume_of_another_member_is_refused(root: Root, folder: str) -> None:
    root.stamp("uid-1 2\n", folder)
    said = root.refused()
    assert "belongs to member 2 of this ensemble" in said
    assert "member 1 does not start" in said


def test_a_myid_of_another_member_is_refused(root: Root) -> None:
    """Pain 11: the image keeps a wrong id without a word."""
    (root.path / "data/myid").write_text("7\n")
    assert "belongs to member 7 (in myid)" in root.refused()


def test_a_database_of_nobody_is_refused(root: Root) -> None:
    root.fill()
    assert "not the mark of this ensemble" in root.refused()


@pytest.mark.parametrize("lost", ["data", "datalog"])
def test_a_member_that_lost_one_of_its_two_volumes_is_refused(root: Root, lost: str) -> None:
    """Without its log it would vote without knowing what it has acknowledged."""
    kept = "datalog" if lost == "data" else "data"
    root.stamp("uid-1 1\n", kept)
    root.fill(kept, "snapshot.0" if kept == "data" else "log.1")
    assert "part of its data is lost" in root.refused()


@pytest.mark.parametrize("member", ["", "0", "x", "256", "08"])
def test_what_is_no_id_is_refused(root: Root, member: str) -> None:
    result = root.start(ZOO_MY_ID=member)
    assert result.returncode not in {0, 127}


def test_a_restart_of_the_container_starts_from_what_zookeeper_left(root: Root) -> None:
    root.started()
    (root.path / "datalog/initialize").unlink()
    root.fill()
    root.store(0x100000000, (1, 2, 3))
    # ZooKeeper has rewritten zoo.cfg in place and left a copy.
    rewritten = f"dataDir=/data\ndynamicConfigFile={root.path}/conf/zoo.cfg.dynamic.100000000\n"
    (root.path / "conf/zoo.cfg").write_text(rewritten)
    (root.path / "conf/zoo.cfg.bak").write_text("old")
    started = root.started()
    assert started.version == 0x100000000
    assert "reconfigEnabled=true" in (root.path / "conf/zoo.cfg").read_text()
    assert not root.has("conf/zoo.cfg.bak")


def test_starting_twice_changes_nothing(root: Root) -> None:
    root.started()
    before = root.files()
    root.started()
    assert root.files() == before


def test_old_lists_go_and_the_three_newest_stay(root: Root) -> None:
    for version in range(0x100000000, 0x100000006):
        root.store(version, (1, 2, 3))
    root.started()
    kept = sorted(p.name for p in root.path.glob("conf/zoo.cfg.dynamic.*"))
    assert kept == [f"zoo.cfg.dynamic.10000000{i}" for i in (3, 4, 5)]


@pytest.mark.parametrize(("version", "stays"), [(0x1, False), (0x200000000, True)])
def test_a_proposed_list_stays_only_while_it_is_newer(
    root: Root, version: int, *, stays: bool
) -> None:
    """ZooKeeper must not forget a proposal it has acknowledged."""
    root.store(0x100000000, (1, 2, 3))
    proposed = root.path / "conf/zoo.cfg.dynamic.next"
    proposed.write_text(f"{ENSEMBLE.server(1).line()}\nversion={version:x}\n")
    root.started()
    assert proposed.exists() is stays


def test_the_mount_of_a_config_map_is_read_as_one(root: Root) -> None:
    """The kubelet swaps `..data`; the names beside it are links through it."""
    swapped = root.path / "membership/..2026"
    swapped.mkdir()
    root.store(1, (1, 2, 3))
    for name, text in (
        ("ZOO_SERVERS", ENSEMBLE.server(1).line() + "\n"),
        ("configVersion", "2"),
        ("founders", ""),
    ):
        (swapped / name).write_text(text)
    (root.path / "membership/..data").symlink_to("..2026")
    started = root.started()
    assert (started.version, started.ids) == (2, {1})


def test_a_missing_mount_is_told(root: Root) -> None:
    (root.path / "membership/ZOO_SERVERS").unlink()
    result = root.start()
    assert result.returncode not in {0, REFUSED}
    assert "could not prepare member 1" in (root.path / "dev/termination-log").read_text()


@pytest.mark.parametrize("name", ["start.sh", "started.sh"])
def test_the_scripts_are_clean(root: Root, name: str) -> None:
    checked = subprocess.run(
        [str(Path(sys.executable).with_name("shellcheck")), str(root.path / "config" / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout

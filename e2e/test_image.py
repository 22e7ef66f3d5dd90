"""The images of ZooKeeper that the tests run are like the published ones in what something of ours touches.

`published_image.yaml` describes those. Where a registry answers, `make cluster` pulls them: then this
tests the description.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from e2e.cluster import run

HERE: Final = Path(__file__).parent
VERSIONS: Final = re.findall(
    r"[0-9.]+",
    re.findall(
        r"^zookeeper_versions=\((.*)\)$", (HERE / "kind/versions.sh").read_text(), re.MULTILINE
    )[0],
)
_NOT_EVERYWHERE: Final = {"3.8.6": {"zookeeper-prometheus-metrics-3.8.6", "simpleclient-"}}
"""Libraries that the package registry lacks: the image of the release that is made of it goes without."""
_MADE_HERE: Final = "zookeeper-operator.offline"


def published(version: str) -> dict[str, Any]:
    """The description of the published image of a version."""
    text = (HERE / "published_image.yaml").read_text().replace("VERSION", version)
    described: dict[str, Any] = yaml.safe_load(text)
    return described


def image_of(version: str) -> dict[str, Any]:
    """The configuration of the image that the cluster runs."""
    (found,) = json.loads(run("docker", "image", "inspect", f"zookeeper:{version}").stdout)
    config: dict[str, Any] = found["Config"]
    return config


def inside(version: str, script: str, *arguments: str) -> list[str]:
    """The lines that a script prints in a container of the image, which nothing else starts in."""
    container = ("docker", "run", "--rm", "--network=none", "--entrypoint=bash")
    return run(
        *container, f"zookeeper:{version}", "-c", script, "bash", *arguments
    ).stdout.splitlines()


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_container_is_started_with(version: str) -> None:
    config, described = image_of(version), published(version)
    environment = dict(variable.split("=", 1) for variable in config["Env"])
    assert config["Entrypoint"] == described["entrypoint"]
    assert config["Cmd"] == described["command"]
    assert (config["User"] or "") == described["user"]
    assert config["WorkingDir"] == described["working_directory"]
    assert sorted(config["ExposedPorts"]) == described["ports"]
    assert sorted(config["Volumes"]) == described["volumes"]
    assert {k: environment.get(k) for k in described["environment"]} == described["environment"]
    ours = {k for k in environment if k.startswith("ZOO")}
    assert ours <= set(described["environment"]), "what it does not set, nothing may rely on"


@pytest.mark.parametrize("version", VERSIONS)
def test_users_paths_and_tools(version: str) -> None:
    described = published(version)
    script = (
        "grep ^zookeeper: /etc/passwd | cut -d: -f1-4; grep ^zookeeper: /etc/group | cut -d: -f1-3"
    )
    assert inside(version, script) == [described["user_of_members"], described["group_of_members"]]
    paths = described["paths"]
    found = inside(version, 'for path; do stat -c "%U:%G %F" "$path"; done', *paths)
    assert dict(zip(paths, found, strict=True)) == paths
    missing = inside(
        version,
        'for name; do type -P "$name" > /dev/null || echo "$name"; done',
        *described["tools"],
    )
    assert missing == []
    bin_folder = f"{described['working_directory']}/bin"
    assert inside(version, "type -P zkServer.sh zkCli.sh") == [
        f"{bin_folder}/zkServer.sh",
        f"{bin_folder}/zkCli.sh",
    ]
    assert inside(version, "ls conf") == [], "zoo.cfg is in /conf alone"


@pytest.mark.parametrize("version", VERSIONS)
def test_libraries(version: str) -> None:
    jars = inside(version, "ls lib")
    lacking = {
        name
        for name in published(version)["libraries"]
        if not any(jar.startswith(name) for jar in jars)
    }
    made_here = _MADE_HERE in (image_of(version)["Labels"] or {})
    assert lacking == (_NOT_EVERYWHERE.get(version, set()) if made_here else set())


@pytest.mark.parametrize("version", VERSIONS)
def test_how_the_server_is_started(version: str) -> None:
    """As root the entrypoint becomes zookeeper; it keeps zoo.cfg; the flags of the operator count."""
    script = """
      set -e
      export ZK_SERVER_HEAP=77 SERVER_JVMFLAGS=-Dx=y JMXDISABLE=true
      echo dataDir=/data > /conf/zoo.cfg
      /docker-entrypoint.sh zkServer.sh print-cmd 2> /dev/null | tail -n 1
      cat /conf/zoo.cfg /data/myid
      stat -c %U /data/myid
    """
    command, *files = inside(version, script)
    assert files == ["dataDir=/data", "1", "zookeeper"]
    assert "/opt/java/openjdk/bin/java" in command
    assert command.index("-Xmx77m") < command.index("-Dx=y") < command.index("QuorumPeerMain")
    assert "jmxremote" not in command
    assert command.rindex("/conf/zoo.cfg") > command.index("QuorumPeerMain")

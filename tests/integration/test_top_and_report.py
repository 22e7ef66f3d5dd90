"""`kubectl zk top` and `report` on an ensemble that is operated: what is shown, and that no secret is."""

import asyncio
import base64
import io
import json
import tarfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.integration.commands import Call, caller
from tests.integration.control_plane import NOBODY, ControlPlane
from tests.integration.kubelet import serve_logs
from tests.integration.rights import grant
from tests.integration.stage import Stage
from tests.integration.waiting import until

from zookeeper_operator.cli.report.redact import MASK
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.auth import SUPER_USER
from zookeeper_operator.kube.api import RESOURCES, Object

SECRET: Final = RESOURCES["Secret"]
IN_SPEC: Final = ("literal-of-a-variable", "value-of-a-config-key", "password-of-an-option")
"""Secrets that people have written where they do not belong."""
SPEC: Final[Object] = {
    "replicas": 3,
    "storage": {"ephemeral": True},
    "config": {"custom.password": IN_SPEC[1]},
    "jvm": {"options": [f"-Dcustom.password={IN_SPEC[2]}"]},
    "image": {"pullSecrets": [{"name": "registry"}]},
    "podTemplate": {
        "spec": {
            "containers": [
                {
                    "name": "sidecar",
                    "image": "sidecar",
                    "env": [
                        {"name": "SIDECAR_PASSWORD", "value": IN_SPEC[0]},
                        {
                            "name": "OTHER",
                            "valueFrom": {"secretKeyRef": {"name": "sidecar", "key": "token"}},
                        },
                    ],
                }
            ]
        }
    },
}
SECRETS: Final = {
    "registry": {".dockerconfigjson": json.dumps({"auths": {"r": {"auth": "cmVnaXN0cnk6cHc="}}})},
    "sidecar": {"token": "token-of-the-sidecar", "note": "two lines\nof-a-longer-secret-text\n"},
}


@pytest.fixture
async def place(stage: Stage, request: pytest.FixtureRequest) -> str:
    """A namespace with Secrets and an ensemble that is settled; no operator runs any more."""
    (place,) = await stage.namespaces(request.function.__name__.replace("_", "-")[:40].strip("-"))
    for name, data in SECRETS.items():
        docker = name == "registry"
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"namespace": place, "name": name},
            "type": "kubernetes.io/dockerconfigjson" if docker else "Opaque",
            "stringData": data,
        }
        await stage.kube.create(SECRET, body)
    operator = stage.operator(place, namespaces=place)
    operator.start()
    await stage.create(place, SPEC)
    await stage.settled([place])
    operator.kill()
    return place


@pytest.fixture
def call(control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    monkeypatch.chdir(tmp_path)
    return caller(control_plane.kubeconfig)


@pytest.fixture
async def logs(stage: Stage, place: str, tmp_path: Path) -> AsyncIterator[None]:
    """Every container has logged every secret there is."""
    known = [value for _, _, value in await values(stage, place)]

    def log(namespace: str, pod: str, container: str) -> str:
        lines = [f"{pod} {container} says {value}" for value in known]
        return "\n".join([f"the log of {container} in {namespace}/{pod}", *lines, ""])

    async with serve_logs(tmp_path, log):
        yield


async def values(stage: Stage, place: str) -> list[tuple[str, str, str]]:
    """Every value of every Secret of a namespace that is secret, with its name and key."""
    found = []
    for secret in await stage.kube.list(SECRET, place):
        name = secret["metadata"]["name"]
        if name == names.connection_name("zk"):
            continue  # the same as the ConfigMap of that name, which everybody may read
        for key, encoded in secret["data"].items():
            value = base64.b64decode(encoded).decode()
            if value != SUPER_USER:  # written in the documentation of ZooKeeper
                found.append((name, key, value))
    return found


def written_files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.tar.gz"))


def unpack(content: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        files = {m.name.partition("/")[2]: tar.extractfile(m) for m in tar}
        return {name: file.read().decode() for name, file in files.items() if file}


def leaks(files: dict[str, str], value: str) -> Iterator[str]:
    """The files that hold a secret: as it is, line by line, in base64, or as JSON writes it."""
    forms = {value.strip(), base64.b64encode(value.encode()).decode(), json.dumps(value)[1:-1]}
    forms |= {line for line in value.splitlines() if len(line) > 12}
    for name, content in files.items():
        if any(form in content or form in name for form in forms):
            yield name


@pytest.mark.usefixtures("logs")
async def test_a_report_holds_what_helps_and_no_value_of_any_secret(
    stage: Stage, place: str, call: Call, tmp_path: Path
) -> None:
    stage.farm.lie(place, everyone="indiscreet")
    done = await asyncio.to_thread(call, "report", "--namespace", place)
    assert done.exit_code == 0, done.output
    (file,) = written_files(tmp_path)
    assert file.name.startswith(f"zk-report-{place}-zk-")
    assert file.stat().st_mode & 0o777 == 0o600
    assert done.stdout.startswith(f"{file.name}: ")
    files = unpack(file.read_bytes())

    expected = {
        *("README.txt", "status.txt", "status.json", "plan.txt", "events.txt", "events.json"),
        *("objects/ensemble.yaml", "objects/secrets.json", "objects/statefulsets/zk.yaml"),
        *("objects/configmaps/zk-membership.yaml", "objects/pods/zk-1.yaml"),
        *("members/zk-2/leader.json", "members/zk-2/monitor.json", "members/zk-3/connections.json"),
        *("logs/zk-3/zookeeper.log", "logs/zk-3/sidecar.log", "cluster/version.yaml"),
    }
    assert expected - files.keys() == set(), sorted(files)
    assert f"the log of sidecar in {place}/zk-3" in files["logs/zk-3/sidecar.log"]
    assert MASK in files["logs/zk-3/sidecar.log"]
    assert "tickTime" in "".join(files.values()), "configurations are in it"
    assert set(json.loads(files["objects/secrets.json"])) == {
        f"{place}/{name}" for name in (*SECRETS, "zk-auth")
    }

    secrets = await values(stage, place)
    assert {(name, key) for name, key, _ in secrets} >= {
        *(("zk-auth", key) for key in ("password", "digest")),
        *(("sidecar", key) for key in ("token", "note")),
        ("registry", ".dockerconfigjson"),
    }
    found = {
        f"{name}/{key}": leaking
        for name, key, value in secrets
        if (leaking := sorted(leaks(files, value)))
    }
    assert found == {}
    assert [value for value in IN_SPEC if list(leaks(files, value))] == []


async def test_what_cannot_be_read_is_said_and_the_rest_is_there(
    stage: Stage, place: str, control_plane: ControlPlane, call: Call, tmp_path: Path
) -> None:
    """A user who may read ensembles and pods, and nothing else; no kubelet answers."""
    path = control_plane.directory / "some.kubeconfig"
    control_plane.write_kubeconfig(path, NOBODY)
    limited = caller(path)
    rules = [
        {"apiGroups": [names.GROUP], "resources": [names.PLURAL], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["pods", "configmaps"], "verbs": ["get", "list"]},
    ]
    await grant(stage.kube, place, "nobody", rules)

    async def written() -> bool:
        done = await asyncio.to_thread(limited, "report", "--namespace", place, "-f", "some.tar.gz")
        return done.exit_code == 0

    await until(written, seconds=60)
    done = await asyncio.to_thread(limited, "report", "--namespace", place, "-f", "some.tar.gz")
    files = unpack((tmp_path / "some.tar.gz").read_bytes())
    assert {"objects/ensemble.yaml", "objects/pods/zk-1.yaml", "status.txt"} <= files.keys()
    for gap in (
        f'values of Secret {place}/zk-auth to be masked: a right is missing: "nobody" may not get',
        'objects/statefulsets: a right is missing: "nobody" may not list',
        'logs/zk-1/zookeeper.log: a right is missing: "nobody" may not get',
    ):
        assert f"not in it: {gap}" in done.stderr
        assert gap in files["README.txt"]
    assert [value for value in IN_SPEC if list(leaks(files, value))] == []


async def test_a_report_that_cannot_be_written(place: str, call: Call) -> None:
    done = await asyncio.to_thread(
        call, "report", "--namespace", place, "-f", "/no/such/report.tar.gz"
    )
    assert done.exit_code == 1
    assert done.stderr == (
        "Error: /no/such/report.tar.gz cannot be written: No such file or directory\n"
    )


async def test_top_shows_what_each_member_does(stage: Stage, place: str, call: Call) -> None:
    """Its own questions are the requests that the members of the farm count."""
    where = ("--namespace", place, "--interval", "0.5", "--clients", "5")
    value = json.loads((await asyncio.to_thread(call, "top", *where, "-o", "json")).stdout)
    leader = stage.farm.truth(place)["leader"]
    roles = {member["pod"]: member["role"] for member in value["members"]}
    assert roles == {f"zk-{i}": "leader" if i == leader else "follower" for i in (1, 2, 3)}
    for member in value["members"]:
        assert member["requestsPerSecond"] > 0
        assert member["readMilliseconds"] == 2.0
        assert (member["watches"], member["znodes"]) == (3, 5)
    assert [client["address"] for client in value["clients"]] == ["10.0.0.9"]
    assert value["clients"][0]["connections"] == 3

    screen = await asyncio.to_thread(call, "top", *where)
    assert [line.split()[0] for line in screen.stdout.splitlines() if line.startswith("zk-")] == [
        *("zk-1", "zk-2", "zk-3"),
    ]

    stage.farm.lie(place, member_2="silent")
    quiet = await asyncio.to_thread(call, "top", *where)
    assert "zk-2: no answer within 3 s" in quiet.stdout

"""Authentication on a cluster: users, required under clients that write, a changed password, and off again.

In each roll no acknowledged write and no session of a client that knows all members is lost, and at most one
leader is elected. Nothing of a password is written anywhere but in Secrets.
"""

import base64
import secrets
import sys
from pathlib import Path

import pytest
from e2e.changes import Kept, writing
from e2e.cluster import PATIENCE, Object, run, wait_until
from e2e.ensembles import Ensemble, manifest
from e2e.places import Places

from zookeeper_operator.zookeeper.jaas import Login
from zookeeper_operator.zookeeper.protocol import LoginRefusedError
from zookeeper_operator.zookeeper.session import FAILURES, Deadline, Session, open_session

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900 * PATIENCE)]

VOTERS = (1, 2, 3)
WALK_SECONDS = 400 * PATIENCE
USERS = [{"name": "app", "passwordSecret": {"name": "passwords", "key": "app"}}]


@pytest.fixture
def ensemble(places: Places) -> Ensemble:
    """Three members without users."""
    found = Ensemble(places.cluster, places.namespace())
    places.cluster.apply(manifest(found.namespace))
    found.wait_settled()
    return found


def give_password(ensemble: Ensemble, password: str) -> Login:
    """Write the password of `app` into the Secret that the spec names."""
    body: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "passwords", "namespace": ensemble.namespace},
        "data": {"app": base64.b64encode(password.encode()).decode()},
    }
    ensemble.cluster.apply(body)
    return Login("app", password)


def wait_authentication(ensemble: Ensemble, said: str | None) -> None:
    """Wait until the status says so of every member, and nothing is left to do."""

    def look() -> bool:
        security = ensemble.status().get("security") or {}
        return security.get("authentication") == said and ensemble.is_settled()

    wait_until(f"authentication is {said}", look, seconds=WALK_SECONDS)


def phases(ensemble: Ensemble) -> set[str]:
    """What the pods say that they speak."""
    annotation = "zookeeper.ensemble.dev/security"
    return {p["metadata"].get("annotations", {}).get(annotation, "") for p in ensemble.pods()}


def ask(ensemble: Ensemble, login: Login | None, member: int = 1) -> None:
    """Read a znode of a member.

    Raises:
        LoginRefusedError: it refuses the user.
        KazooException: it serves no such session.
    """
    target = f"pod/{ensemble.pod_name(member)}"
    with ensemble.cluster.port_forward(ensemble.namespace, target, 2181) as port:
        found: Session
        with open_session(
            [f"127.0.0.1:{port}"], Deadline(30), login=login, session_seconds=20
        ) as found:
            found.get_async("/").get(timeout=20)


def test_authentication_is_turned_on_required_changed_and_turned_off(ensemble: Ensemble) -> None:
    """The whole life of a user, under clients that write."""
    first, second = (secrets.token_urlsafe(18) for _ in range(2))
    kept = Kept.before(ensemble)
    ensemble.change(auth={"users": USERS})
    ensemble.wait_condition("Secured", status="False", reason="PasswordMissing")
    kept.check_untouched(VOTERS)
    with writing(ensemble, everyone=VOTERS, pinned=VOTERS) as writer:
        app = give_password(ensemble, first)
        wait_authentication(ensemble, "Optional")
        result = writer.stop()
    kept.check_clients(result)
    assert kept.elections() <= 1
    ask(ensemble, None)
    ask(ensemble, app)

    kept = Kept.before(ensemble)
    with writing(
        ensemble, everyone=VOTERS, pinned=VOTERS, user="app", passwords="passwords"
    ) as writer:
        ensemble.change(auth={"users": USERS, "required": "Sasl"})
        wait_authentication(ensemble, "Required")
        result = writer.stop()
    kept.check_clients(result)
    assert kept.elections() <= 1
    assert phases(ensemble) == {"q0,c0,a2"}
    for member in VOTERS:
        ask(ensemble, app, member)
        with pytest.raises(FAILURES):
            ask(ensemble, None, member)
        with pytest.raises(LoginRefusedError):
            ask(ensemble, Login("app", second), member)
    # The operator reconfigures, a shell in the pod works, and so does a tree.
    ensemble.change(replicas=4, allowEvenReplicas=True)
    ensemble.wait_settled()
    assert "zookeeper" in ensemble.shell(1, "ls /")
    assert "zookeeper" in show_tree(ensemble)
    check_nothing_is_written(ensemble, first)

    changed = give_password(ensemble, second)
    wait_until("a member is restarted", lambda: not ensemble.is_settled(), seconds=60)
    ensemble.wait_settled(seconds=WALK_SECONDS)
    ask(ensemble, changed)
    with pytest.raises(LoginRefusedError):
        ask(ensemble, app)
    check_nothing_is_written(ensemble, second)

    ensemble.change(auth=None)
    wait_authentication(ensemble, None)
    assert phases(ensemble) == {""}
    ask(ensemble, None)
    left = ensemble.cluster.get("secret", "zk-users", ensemble.namespace)
    assert left is not None
    assert left["data"] == {"jaas.conf": ""}, "no password stays"


def show_tree(ensemble: Ensemble) -> str:
    """What `kubectl zk tree` prints."""
    command = str(Path(sys.executable).parent / "kubectl-zk")
    where = ("--context", ensemble.cluster.context, "--namespace", ensemble.namespace)
    return run(command, "tree", *where, "/").stdout


def check_nothing_is_written(ensemble: Ensemble, password: str) -> None:
    """No password is in an object but a Secret, in the status, an Event, a log, an argument or a property.

    Nor is the digest of the super user's password, but as a property.
    """
    cluster, namespace = ensemble.cluster, ensemble.namespace
    own = cluster.get("secret", "zk-auth", namespace)
    assert own is not None
    mounted = {key: base64.b64decode(value).decode() for key, value in own["data"].items()}
    hidden = [password, mounted["password"], mounted["sasl-password"]]
    digest = mounted["digest"].partition(":")[2]
    texts = {"the ensemble": str(ensemble.body()), "the Events": str(ensemble.events())}
    for kind in ("configmap", "statefulset", "pod"):
        texts[f"a {kind}"] = str(cluster.list(kind, namespace))
    for n in VOTERS:
        pod = ensemble.pod_name(n)
        texts[f"the log of {pod}"] = cluster.kubectl("--namespace", namespace, "logs", pod)
        for name in ("cmdline", "environ"):
            command = ("bash", "-c", f"cat /proc/[0-9]*/{name} | tr '\\0' '\\n'")
            texts[f"{name} of {pod}"] = cluster.exec(namespace, pod, *command)
        texts[f"zoo.cfg of {pod}"] = cluster.exec(namespace, pod, "cat", "/conf/zoo.cfg")
        for said in ("system_properties", "environment", "configuration"):
            texts[f"{said} of {pod}"] = str(ensemble.admin(n, said))
    texts["the log of the operator"] = cluster.kubectl(
        *("--namespace", "zookeeper-operator", "logs", "--tail=-1"),
        "--selector=app.kubernetes.io/name=zookeeper-operator",
    )
    found = [where for where, text in texts.items() if any(word in text for word in hidden)]
    assert found == []
    # ZooKeeper reads it from a system property and nowhere else.
    allowed = {f"system_properties of {ensemble.pod_name(n)}" for n in VOTERS}
    assert {where for where, text in texts.items() if digest in text} == allowed

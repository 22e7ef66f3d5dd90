"""Real ZooKeeper servers as local JVMs: server N is 127.0.0.1N with all the ports of a pod.

Mind what loopback addresses change: ZooKeeper skips its check for duplicate addresses on them, so a
reconfiguration that a cluster refuses for that passes here.
"""

import base64
import hashlib
import json
import shutil
import signal
import time
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from e2e.tested import note
from tests.integration.control_plane import COMMAND
from tests.integration.processes import Process
from tests.integration.zookeeper_jars import JVM_FLAGS, MAIN_CLASS, resolve_class_archive

from zookeeper_operator.ensemble import names
from zookeeper_operator.zookeeper.protocol import Access, Address
from zookeeper_operator.zookeeper.servers import Role, Server

PASSWORD: Final = "integration"

_LOGBACK: Final = """<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{HH:mm:ss.SSS} %-5level %logger{0} %message%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
"""


HEAP: Final = 128
"""The heap of a server in MiB, where a test asks for no other."""


class ZooKeeperServer:
    """One server: its line, its folder and its JVM.

    Servers of several sets have the same addresses. One that starts ends the one that has its address.
    """

    _holders: ClassVar[dict[str, "ZooKeeperServer"]] = {}

    def __init__(
        self, member_id: int, *, jars: Path, directory: Path, heap_mebibytes: int = HEAP
    ) -> None:
        self.id = member_id
        self.ip = f"127.0.0.{10 + member_id}"
        self.address = Address(member_id, "test", f"zk-{member_id}", self.ip)
        self.directory = directory
        self._jars = jars
        java = [
            "java",
            f"@{directory}/options",
            f"-Xmx{heap_mebibytes}m",
            *JVM_FLAGS,
            f"-XX:SharedArchiveFile={resolve_class_archive(jars)}",
            f"-Dlogback.configurationFile={directory}/logback.xml",
            "-cp",
            f"{jars}/*",
        ]
        self._process = Process(
            f"zookeeper-{member_id}",
            [*java, MAIN_CLASS, str(directory / "zoo.cfg")],
            directory=directory,
        )

    def line(self, role: Role = "participant") -> Server:
        """Its server line. Here a server listens on its own address, not on all."""
        return Server(self.id, self.ip, role, client=f"{self.ip}:{names.CLIENT_PORT}")

    def prepare(
        self, servers: Iterable[Server], *, founder: bool, extra: Mapping[str, object] | None = None
    ) -> None:
        """Give it an empty disk and the list it starts with; a founder `initialize` too.

        `extra` is what zoo.cfg says otherwise or beside.
        """
        shutil.rmtree(self.directory, ignore_errors=True)
        for folder in ("data", "datalog"):
            (self.directory / folder).mkdir(parents=True)
        (self.directory / "data" / "myid").write_text(f"{self.id}\n", encoding="ascii")
        if founder:
            (self.directory / "datalog" / "initialize").touch()
        (self.directory / "options").touch()
        (self.directory / "logback.xml").write_text(_LOGBACK, encoding="ascii")
        secret = base64.b64encode(hashlib.sha1(f"super:{PASSWORD}".encode()).digest()).decode()  # noqa: S324 -- ZooKeeper's own scheme
        config: dict[str, object] = {
            "dataDir": self.directory / "data",
            "dataLogDir": self.directory / "datalog",
            "tickTime": 500,
            "initLimit": 10,
            "syncLimit": 4,
            "standaloneEnabled": "false",
            "reconfigEnabled": "true",
            "db.autocreate": "false",
            "cnxTimeout": 500,
            "admin.serverAddress": self.ip,
            "DigestAuthenticationProvider.superDigest": f"super:{secret}",
            **(extra or {}),
        }
        if "secureClientPort" in config:
            config["secureClientPortAddress"] = self.ip
        lines = [f"{key}={value}" for key, value in config.items()]
        lines += [server.line() for server in servers]
        (self.directory / "zoo.cfg").write_text("\n".join(lines) + "\n", encoding="ascii")

    def forget(self) -> None:
        """Take its disk away."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def amend(self, keys: Mapping[str, object], *, without: Iterable[str] = ()) -> None:
        """Change its zoo.cfg and nothing else; the keys of `without` go."""
        path = self.directory / "zoo.cfg"
        gone = {*without, *keys, "secureClientPortAddress"}
        added = dict(keys)
        if "secureClientPort" in added:
            added["secureClientPortAddress"] = self.ip
        kept = [
            line
            for line in path.read_text(encoding="ascii").splitlines()
            if line.partition("=")[0] not in gone
        ]
        lines = [*kept, *(f"{key}={value}" for key, value in added.items())]
        path.write_text("\n".join(lines) + "\n", encoding="ascii")

    def mount_users(self, jaas: str) -> None:
        """Give it the users who may log in; none if this is empty. It reads them when it starts."""
        path = self.directory / "jaas.conf"
        path.write_text(jaas, encoding="ascii")
        option = f"-Djava.security.auth.login.config={path}\n" if jaas else ""
        (self.directory / "options").write_text(option, encoding="ascii")

    @property
    def zoo_cfg(self) -> str:
        """The text of its zoo.cfg, which ZooKeeper rewrites when it stores a list of servers."""
        return (self.directory / "zoo.cfg").read_text(encoding="ascii")

    @zoo_cfg.setter
    def zoo_cfg(self, text: str) -> None:
        (self.directory / "zoo.cfg").write_text(text, encoding="ascii")

    @property
    def database(self) -> Path:
        """Where its snapshots are."""
        return self.directory / "data" / "version-2"

    @property
    def prepared(self) -> bool:
        """Whether it has a disk."""
        return (self.directory / "zoo.cfg").exists()

    def start(self) -> None:
        """Start the JVM; it serves a second or two later."""
        holder = self._holders.get(self.ip)
        if holder is not None and holder is not self:
            holder.kill()
        self._holders[self.ip] = self
        self._process.start()
        for jar in self._jars.glob("zookeeper-[0-9]*.jar"):
            note(COMMAND, "ZooKeeper", jar.stem.removeprefix("zookeeper-"))

    def kill(self) -> None:
        """End the JVM as a lost node does."""
        self._process.kill()

    def freeze(self) -> None:
        """Stop it in its tracks: its kernel still accepts connections, nobody answers."""
        self._process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run on."""
        self._process.signal(signal.SIGCONT)

    @property
    def running(self) -> bool:
        """Whether the JVM runs (frozen or not)."""
        return self._process.running

    @property
    def exit_code(self) -> int | None:
        """How the JVM has ended by itself; None if it has not."""
        return self._process.exit_code

    def ask(self, command: str) -> Mapping[str, Any]:
        """What its AdminServer says; `error` is set if it says nothing (in time)."""
        url = f"http://{self.ip}:{names.ADMIN_PORT}/commands/{command}"
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                told: dict[str, Any] = json.load(answer)
                return told
        except (OSError, ValueError) as error:
            return {"error": str(error)}

    def log(self) -> str:
        """The end of its log."""
        return self._process.tail()

    @property
    def log_file(self) -> Path:
        """All that it has logged, of every start."""
        return self._process.log


class ZooKeeperServers:
    """Up to nine servers of one machine; tests take from it the ensemble they need."""

    def __init__(self, *, jars: Path, directory: Path, heap_mebibytes: int = HEAP) -> None:
        self._servers = {
            n: ZooKeeperServer(
                n, jars=jars, directory=directory / f"server-{n}", heap_mebibytes=heap_mebibytes
            )
            for n in range(1, 10)
        }

    def replace_jars(self, members: Iterable[int], jars: Path) -> None:
        """Have these servers run another release from their next start on."""
        for n in members:
            self._servers[n].kill()
            self._servers[n] = ZooKeeperServer(n, jars=jars, directory=self._servers[n].directory)

    def __getitem__(self, member_id: int) -> ZooKeeperServer:
        return self._servers[member_id]

    def found(
        self,
        voters: Sequence[int],
        extra: Mapping[str, object] | None = None,
        *,
        seconds: float = 30,
    ) -> None:
        """Start a new ensemble of these voters and wait until all serve and follow one leader.

        `extra` is what zoo.cfg says otherwise or beside.
        """
        self.stop()
        lines = [self[n].line() for n in voters]
        for n in voters:
            self[n].prepare(lines, founder=True, extra=extra)
            self[n].start()
        self.wait_until_serving(voters, seconds=seconds)

    def restore(self, voters: Sequence[int]) -> None:
        """See to it that exactly these serve and vote: mend the ensemble there is, or found one."""
        for number, server in self._servers.items():
            if number not in voters:
                server.kill()
            elif server.prepared and not server.running:
                server.start()
            elif server.prepared:
                server.thaw()
        if all(self[n].running for n in voters):
            try:
                self.wait_until_serving(voters, seconds=10)
            except TimeoutError:
                pass  # they agree on something else
            else:
                # Those just killed may have been needed: then nobody serves any more, and nobody tells.
                ids = {str(n) for n in voters}
                views = [self[n].ask("voting_view").get("current_config", {}) for n in voters]
                # One that was frozen may still say that it follows a leader that has dropped it.
                followed = [self[n].ask("monitor").get("synced_followers") for n in voters]
                if all(view.keys() == ids for view in views) and len(ids) - 1 in followed:
                    return
        self.found(voters)

    def join(self, member_id: int, members: Iterable[Server]) -> None:
        """Start a newcomer as the pods do: it knows the members and itself as an observer."""
        newcomer = self[member_id]
        newcomer.prepare([*members, newcomer.line("observer")], founder=False)
        newcomer.start()
        self.wait_until_serving([member_id])

    def wait_until_serving(self, members: Iterable[int], *, seconds: float = 30) -> None:
        """Wait until these take part in broadcast, behind one leader."""
        wanted = list(members)
        deadline = time.monotonic() + seconds
        while True:
            answers = {n: self[n].ask("leader") for n in wanted}
            states = {n: str(self[n].ask("monitor").get("peer_state", "")) for n in wanted}
            agreed = len({answer.get("leader_id") for answer in answers.values()}) == 1
            fine = all(answer["error"] is None for answer in answers.values())
            if agreed and fine and all(s.endswith("broadcast") for s in states.values()):
                return
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- {n}\n{self[n].log()}" for n in wanted)
                raise TimeoutError(f"{wanted} do not serve: {answers} {states}\n{logs}")
            time.sleep(0.05)

    def leader(self, among: Iterable[int]) -> int:
        """Who leads."""
        return next(n for n in among if self[n].ask("leader").get("is_leader") is True)

    def addresses(self, members: Iterable[int]) -> list[Address]:
        """The addresses of these members."""
        return [self[n].address for n in members]

    def access(self, members: Iterable[int], *, password: str = PASSWORD) -> Access:
        """How to speak with these members as super user."""
        return Access(tuple(self.addresses(members)), password)

    def stop(self) -> None:
        """Kill every server."""
        for server in self._servers.values():
            server.kill()

"""The whole simulated cluster, put together; what the user and bad luck do to it."""

import asyncio
import base64
from dataclasses import replace
from typing import Any

from tests.simulation.api_server import ApiServer
from tests.simulation.clients import Clients
from tests.simulation.controllers import StatefulSetController
from tests.simulation.disasters import Disasters
from tests.simulation.invariants import Watchdog
from tests.simulation.kubelet import NAMESPACE, Kubelet, Running
from tests.simulation.mind import RIGHT, Mind
from tests.simulation.operators import Operators
from tests.simulation.scenario import BAD_TAG, PASSWORDS, Event, Scenario
from tests.simulation.source import Source, is_of_source
from tests.simulation.stage import Stage
from tests.simulation.surroundings import Surroundings
from tests.simulation.weather import Weather
from tests.simulation.zookeeper import Network, Txn, View

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.membership import read_membership
from zookeeper_operator.ensemble.security.phase import PLAIN, read_phase, wanted_phase
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.quantity import parse_quantity
from zookeeper_operator.zookeeper.servers import CommittedConfig, majority

ENSEMBLE = "zk"
_PODS_START = 8.0
_PROBE_SECONDS = (1.5, 2.5)
# The Secret is left alone: without it no member accepts a reconfiguration before its next restart.
_READS_THE_STATUS = 40.0
_OWNER_READS = (1.0, 4.0)
_LATE_DEEDS = (1.0, 6.0)
_CHILDREN = ("Service", "ConfigMap", "PodDisruptionBudget", "NetworkPolicy", "StatefulSet")


class SimulatedCluster:
    """One ensemble, its operator, its clients, its user, its bad luck."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, scenario: Scenario, mind: Mind = RIGHT
    ) -> None:
        self.scenario = scenario
        self.stage = Stage(loop, f"noise {scenario.seed}")
        self.weather = Weather(**vars(scenario.weather))
        self.api = ApiServer(self.stage)
        self.network = Network(self.stage)
        self.network.loss_after_commit = 0.2
        self.kubelet = Kubelet(self.stage, self.api, self.network, mind.script)
        self.controller = StatefulSetController(self.stage, self.api)
        self.watchdog = Watchdog(self.stage, self.api, self.network, self.kubelet, ENSEMBLE)
        self.source = Source(
            self.stage,
            self.api,
            self.network,
            scenario.source,
            keeps_lists=scenario.keeps_lists,
            reconfigures=scenario.reconfigures,
        )
        self.watchdog.source = self.source
        self.around = Surroundings(
            self.stage, self.api, self.network, self.kubelet, self.weather, self.source
        )
        self.operators = Operators(self.around, self.watchdog, ENSEMBLE, mind)
        self.clients = Clients(self.stage, self.network, self.watchdog)
        self.disasters = Disasters(self.stage, self.api, self.kubelet, self.watchdog, ENSEMBLE)
        self._fragile_until = 0.0
        self._writing = True
        self.clients.may_write = self._may_write
        self._deleted: dict[str, Any] | None = None
        """The spec that will be created again, while there is no ensemble."""

    def begin(self) -> None:
        """Create what there is at the beginning, and schedule what will happen."""
        self.api.create(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {
                    "name": "standard",
                    "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                },
                "allowVolumeExpansion": True,
            }
        )
        self._write_password("first")
        if self.scenario.source:
            self.source.begin()
        self._create(self.scenario.spec)
        self.operators.start()
        for event in self.scenario.events:
            self.stage.loop.call_at(event.at, self._happen, event)
        self.stage.loop.call_at(self.scenario.calm_at, self._calm)
        if self.weather.late_readiness:
            self.stage.later(*_PROBE_SECONDS, self._probe_late)
        if self.scenario.is_stopped_by_hand:
            self.stage.later(*_OWNER_READS, self._obey)

    def _obey(self) -> None:
        """The owner of the source does what the status asks for; at times too early in words."""
        self.stage.later(*_OWNER_READS, self._obey)
        if self.api.get(names.KIND, ENSEMBLE) is None:
            return
        conditions_now = self._status().get("conditions") or []
        told = next((c["message"] for c in conditions_now if c["type"] == conditions.ADOPTED), "")
        if "start member" in told:
            self.source.roll_back()
        if "stoppedMembers: []" in told:
            self._say_stopped([])
        elif "stop member" in told:
            early = self.stage.chance(0.4)
            self.stage.later(*(_LATE_DEEDS if early else (0.0, 0.1)), self._stop_source)
            self.stage.later(*((0.0, 0.1) if early else _LATE_DEEDS), self._say_all_stopped)

    def _stop_source(self) -> None:
        """Not if the status has begun to ask for the opposite."""
        if self._spec()["adopt"]["proceed"] != "Observe":
            self.source.stop()

    def _say_all_stopped(self) -> None:
        if self._spec()["adopt"]["proceed"] != "Observe":
            self._say_stopped(list(range(1, self.source.size + 1)))

    def _say_stopped(self, members: list[int]) -> None:
        adopt = self._spec()["adopt"]
        if adopt.get("stoppedMembers", []) != members:
            self._edit(adopt={**adopt, "stoppedMembers": members})

    def _create(self, spec: Object) -> None:
        self.stage.tell("user", f"creates {ENSEMBLE}: {spec}")
        self.api.create(
            {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "metadata": {"name": ENSEMBLE},
                "spec": spec,
            }
        )

    def _calm(self) -> None:
        self.stage.tell("world", "the weather clears")
        stale = self.weather.lost_events or self.weather.stale_lists
        self.weather.clear()
        if stale:
            self.operators.watch_again()
        self._follow_advice()

    def _follow_advice(self) -> None:
        """Once a while, somebody reads what the status says about data in pods, and lets it go."""
        self.stage.loop.call_later(_READS_THE_STATUS, self._follow_advice)
        body = self.api.get(names.KIND, ENSEMBLE)
        if body is None or not body["spec"]["storage"].get("ephemeral"):
            return
        told = {c["type"]: c["reason"] for c in (body.get("status") or {}).get("conditions") or []}
        if told.get(conditions.ROLLED_OUT) == reasons.DATA_WOULD_BE_LOST or (
            told.get(conditions.STORAGE_HEALTHY) == reasons.VOLUME_LOST
        ):
            self._restart_all()

    def _probe_late(self) -> None:
        """Readiness probes time out on a busy node, whatever the members do."""
        if not self.weather.late_readiness:
            return
        for pod in self.api.all("Pod"):
            if self.stage.chance(self.weather.late_readiness):
                self.kubelet.late(pod["metadata"]["name"], self.stage.dice.uniform(2, 12))
        self.stage.later(*_PROBE_SECONDS, self._probe_late)

    def _happen(self, event: Event) -> None:
        actor = "user" if hasattr(self, "_user_" + event.kind.replace(" ", "_")) else "fault"
        self.stage.tell(actor, str(event)[8:])
        handler = getattr(self, f"_{actor}_" + event.kind.replace(" ", "_"))
        handler(event.more)

    # ------------------------------------------------------------------ truth

    @property
    def ensemble(self) -> Object:
        """The custom resource as it is."""
        body = self.api.get(names.KIND, ENSEMBLE)
        assert body is not None
        return body

    def unfinished(self) -> str:
        """What still differs from what the user asked for, by the truth; empty if all is well."""
        if self._deleted is not None:
            return "the ensemble is deleted"
        body = self.ensemble
        spec, status = body["spec"], body.get("status") or {}
        told = {c["type"]: c for c in status.get("conditions") or []}
        ready = told.get(conditions.READY) or {}
        if status.get("observedGeneration") != body["metadata"]["generation"]:
            return "the status is of an older generation"
        pods = [pod for pod in self.api.all("Pod") if not is_of_source(pod)]
        if spec.get("stopped"):
            if ready.get("reason") != reasons.STOPPED:
                return f"Ready says {ready.get('reason')}, not Stopped"
            if pods:
                return f"{len(pods)} pods are still there"
            # Its reason is Stopped whatever has failed; what has failed is tried again within a minute.
            action = str(status.get("nextAction", ""))
            return action if " failed: " in action else ""
        if ready.get("status") != "True":
            return f"Ready is {ready.get('status')}: {ready.get('reason')}: {ready.get('message')}"
        return (
            self._adoption_differs(status, told)
            or self._members_differ(spec, pods)
            or self._revisions_differ(pods)
            or self._volumes_differ(spec)
            or self._published_differs()
            or self._phases_differ(spec, pods, told)
        )

    def _adoption_differs(self, status: Object, told: dict[str, Any]) -> str:
        if not self.scenario.source:
            return ""
        if not self.source.is_gone:
            return "the source still runs"
        adopted = told.get(conditions.ADOPTED) or {}
        return "" if status.get("adoptedAt") and adopted["status"] == "True" else f"{adopted}"

    def _members_differ(self, spec: Object, pods: list[Object]) -> str:
        first = spec.get("firstMemberId", 1)
        voters = set(range(first, first + spec["replicas"]))
        observers = {101 + i for i in range((spec.get("observers") or {}).get("replicas", 0))}
        view = self.watchdog.view
        if view is None or view.voters != voters or set(view.roles) != voters | observers:
            return f"committed is {view}"
        if self.watchdog.live() != voters | observers:
            return f"only {sorted(self.watchdog.live())} serve"
        if {int(p["metadata"]["name"].rpartition("-")[2]) for p in pods} != voters | observers:
            return "there are other pods than members"
        return ""

    def _revisions_differ(self, pods: list[Object]) -> str:
        asked = {
            statefulset["metadata"]["labels"][names.LABEL_COMPONENT]: statefulset.get("status")
            or {}
            for statefulset in self.api.all("StatefulSet")
            if not is_of_source(statefulset)
        }
        for pod in pods:
            labels = pod["metadata"]["labels"]
            told = asked.get(labels[names.LABEL_COMPONENT]) or {}
            if labels[names.LABEL_REVISION] != told.get("updateRevision"):
                return f"{pod['metadata']['name']} runs an old revision, or its StatefulSet is gone"
        return ""

    def _volumes_differ(self, spec: Object) -> str:
        if spec["storage"].get("ephemeral"):
            return ""
        asked = parse_quantity(spec["storage"]["data"]["size"])
        for running in self.kubelet.pods.values():
            claim = self.api.get("PersistentVolumeClaim", f"data-{running.name}")
            assert claim is not None
            if claim["metadata"].get("deletionTimestamp"):
                return f"the claim of {running.name} is being deleted"
            if parse_quantity(claim["spec"]["resources"]["requests"]["storage"]) < asked:
                return f"the volume of {running.name} is smaller than asked for"
        return ""

    def _phases_differ(self, spec: Object, pods: list[Object], told: dict[str, Any]) -> str:
        security = {"tls": spec.get("tls"), "auth": spec.get("auth")}
        wanted = wanted_phase(EnsembleSpec.model_validate(security))
        for pod in pods:
            found = read_phase(pod["metadata"].get("annotations") or {})
            if found != wanted:
                return f"{pod['metadata']['name']} runs {found}"
        view, asked = self.watchdog.view, (spec.get("tls") or {}).get("clients") == "Required"
        if view is None or any(server.is_closed != asked for server in view.config.servers):
            return "members are open to plain clients, or closed, and must not be"
        secured = told.get(conditions.SECURED)
        if wanted == PLAIN:
            return "" if secured is None else "there is still a condition Secured"
        return "" if (secured or {}).get("status") == "True" else f"Secured says {secured}"

    def _published_differs(self) -> str:
        view = self.watchdog.view
        config_map = self.api.get("ConfigMap", names.membership_name(ENSEMBLE))
        assert view is not None
        if config_map is None:
            return "there is no published membership"
        if config_map["data"]["configVersion"] != f"{view.version:x}":
            return f"published is version {config_map['data']['configVersion']}, not {view}"
        if config_map["data"]["founders"]:
            return "there are still founders"
        return ""

    # ------------------------------------------------------------------ the user

    def _spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.ensemble["spec"] if self._deleted is None else self._deleted
        return spec

    def _edit(self, **changes: Any) -> None:
        if self._deleted is not None:
            self._deleted = {**self._deleted, **changes}
            return
        body = self.ensemble
        self.api.change(body, spec={**body["spec"], **changes})

    def _user_replicas(self, more: dict[str, Any]) -> None:
        self._edit(replicas=more["to"])

    def _user_image(self, more: dict[str, Any]) -> None:
        self._edit(image={"tag": more["to"]})

    def _user_bad_image(self, more: dict[str, Any]) -> None:
        self._edit(image={"tag": BAD_TAG})

    def _user_config(self, more: dict[str, Any]) -> None:
        self._edit(config={"tickTime": more["tickTime"]})

    def _user_size(self, more: dict[str, Any]) -> None:
        storage = self._spec()["storage"]
        if parse_quantity(storage["data"]["size"]) < parse_quantity(more["to"]):
            self._edit(storage={**storage, "data": {"size": more["to"]}})

    def _user_pause(self, more: dict[str, Any]) -> None:
        self._edit(paused=True)
        self.stage.loop.call_later(more["for"], lambda: self._edit(paused=False))

    def _is_ephemeral(self) -> bool:
        return bool(self._spec()["storage"].get("ephemeral"))

    def _user_stop(self, more: dict[str, Any]) -> None:
        if self._is_ephemeral():
            return  # the API server refuses it
        self._edit(stopped=True)
        self.stage.loop.call_later(more["for"], self._start_again)

    def _start_again(self) -> None:
        self.stage.tell("user", "starts the ensemble again")
        self._edit(stopped=False)

    def _user_observers(self, more: dict[str, Any]) -> None:
        self._edit(observers={"replicas": more["to"]})

    def _user_tls(self, more: dict[str, Any]) -> None:
        self._edit(tls=more["to"])

    def _user_auth(self, more: dict[str, Any]) -> None:
        self._edit(auth=more["to"])

    def _user_password(self, more: dict[str, Any]) -> None:
        """Another password, or one that cannot be used; the ensemble stays as it is in that case."""
        self._write_password(more["to"])

    def _write_password(self, password: str) -> None:
        data = {"password": base64.b64encode(password.encode()).decode()}
        body = self.api.get("Secret", PASSWORDS)
        if body is not None:
            self.api.change(body, data=data)
            return
        metadata = {"name": PASSWORDS}
        self.api.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})

    def _user_recreate(self, more: dict[str, Any]) -> None:
        """`kubectl delete` and `kubectl apply`, soon after each other."""
        if self._deleted is not None:
            return
        spec = self._spec()
        if not self._survives_its_statefulset():
            self.watchdog.data_may_go()
        self.watchdog.authority_goes()
        self._deleted = spec
        self.api.delete(names.KIND, ENSEMBLE)
        self.stage.loop.call_later(more["after"], self._create_again)

    def _create_again(self) -> None:
        spec, self._deleted = self._deleted, None
        assert spec is not None
        self._create(spec)

    def _user_restart(self, more: dict[str, Any]) -> None:
        if self._deleted is not None:
            return
        body = self.ensemble
        annotations = {
            **(body["metadata"].get("annotations") or {}),
            names.ANNOTATION_RESTARTED_AT: str(more["number"]),
        }
        self.api.change(body, metadata={**body["metadata"], "annotations": annotations})

    def _user_replace(self, more: dict[str, Any]) -> None:
        pod = self.api.get("Pod", names.member_name(ENSEMBLE, more["member"]))
        if pod is None or not self._may_wipe(more["member"]):
            return
        annotations = {
            **(pod["metadata"].get("annotations") or {}),
            names.ANNOTATION_REPLACE: "true",
        }
        self.api.change(pod, metadata={**pod["metadata"], "annotations": annotations})
        self.watchdog.asked_for(more["member"])

    def _user_delete_claim(self, more: dict[str, Any]) -> None:
        """`kubectl delete pvc --wait=false`: the claim stays until its pod goes."""
        if more.get("recklessly") or self._may_wipe(more["member"]):
            pod = names.member_name(ENSEMBLE, more["member"])
            self.api.delete("PersistentVolumeClaim", f"{names.DATA_VOLUME}-{pod}")

    def _user_settle(self, more: dict[str, Any]) -> None:
        tag = self._spec()["image"]["tag"]
        stopped = more["stopped"] and not self._is_ephemeral()
        changes: dict[str, Any] = {"paused": more["paused"], "stopped": stopped}
        if tag == BAD_TAG:
            changes["image"] = {"tag": more["image"]}
        self._edit(**changes)

    # ------------------------------------------------------------------ bad luck

    def _user_proceed(self, more: dict[str, Any]) -> None:
        adopt = self._spec()["adopt"]
        if adopt.get("proceed") != "Finish":  # the API server refuses to go back from it
            self._edit(adopt={**adopt, "proceed": more["to"]})

    def _user_stop_writing(self, more: dict[str, Any]) -> None:
        """Every client stops, until the adoption has ended or the user goes back."""
        self._writing = False

    def _user_write_again(self, more: dict[str, Any]) -> None:
        """The clients write again, unless the user has changed their mind meanwhile."""
        if self._spec()["adopt"]["proceed"] == "Observe":
            self._writing = True

    def _may_write(self) -> bool:
        return self._writing or bool(self._status().get("adoptedAt"))

    def _fault_delete_statefulset(self, more: dict[str, Any]) -> None:
        """All our members go at once, and come back on their volumes."""
        if self.api.get("StatefulSet", ENSEMBLE) is not None and self._survives_its_statefulset():
            self.api.delete("StatefulSet", ENSEMBLE)

    def _fault_delete_membership(self, more: dict[str, Any]) -> None:
        self.api.delete("ConfigMap", names.membership_name(ENSEMBLE))

    def _fault_crash_source(self, more: dict[str, Any]) -> None:
        if self.stage.now > self._fragile_until:
            self.source.crash(more["members"])

    def _fault_freeze_source(self, more: dict[str, Any]) -> None:
        if self.stage.now > self._fragile_until:
            self.source.freeze(more["member"], more["for"])

    def _fault_roll_back_source(self, more: dict[str, Any]) -> None:
        """Not where the pods that come back would find nobody but each other: none could prevent that."""
        view = self.watchdog.view
        theirs = () if view is None else view.voters & set(range(1, self.source.size + 1))
        if theirs and not self.source.reconfigures and self._may_undo_a_cut():
            self.source.roll_back()  # that is what the records are for
        elif theirs and theirs <= self.watchdog.live() and not self.network.cut:
            self._fragile_until = self.stage.now + _PODS_START
            self.source.roll_back()

    def _fault_roll_back_after_the_cut(self, more: dict[str, Any]) -> None:
        """So long after the cut is recorded, whenever that is."""
        if (self._status().get("adoption") or {}).get("cutOverAt"):
            self.stage.loop.call_later(more["by"], self._fault_roll_back_source, {})
        else:
            self.stage.loop.call_later(0.01, self._fault_roll_back_after_the_cut, more)

    def _may_undo_a_cut(self) -> bool:
        """Whether none of ours can have started as a voter of its own."""
        cut = (self._status().get("adoption") or {}).get("cutOverAt")
        published = self._published()
        if not cut or published is None:
            return not cut
        listed = read_membership(published)
        if listed.source and listed.voters <= {server.id for server in listed.source}:
            return True
        ours = [pod.member for pod in self.kubelet.pods.values()]
        ending = any(
            pod["metadata"].get("deletionTimestamp")
            for pod in self.api.all("Pod")
            if not is_of_source(pod)
        )
        whole = len(ours) >= self.source.size and not ending
        return whole and all(member is not None and member.observer for member in ours)

    def _fault_late_answers(self, more: dict[str, Any]) -> None:
        self.weather.late_answers = more["rate"]

    def _pod(self, member_id: int) -> Running | None:
        return self.kubelet.running(names.member_name(ENSEMBLE, member_id))

    def _fault_crash_operator(self, more: dict[str, Any]) -> None:
        self.operators.crash()

    def _fault_overlap_operators(self, more: dict[str, Any]) -> None:
        self.operators.overlap(more["for"])

    def _fault_crash_member(self, more: dict[str, Any]) -> None:
        self.kubelet.crash(names.member_name(ENSEMBLE, more["member"]))

    def _fault_delete_pod(self, more: dict[str, Any]) -> None:
        if self._is_ephemeral() and not self._is_founded():
            return  # a founder that comes back empty founds again, whatever the others have acknowledged
        self.api.delete("Pod", names.member_name(ENSEMBLE, more["member"]))

    def _fault_freeze_member(self, more: dict[str, Any]) -> None:
        pod = self._pod(more["member"])
        if pod is None or pod.member is None:
            return
        member = pod.member
        self.network.freeze(member, frozen=True)
        self.stage.loop.call_later(more["for"], lambda: self.network.freeze(member, frozen=False))

    def _fault_partition(self, more: dict[str, Any]) -> None:
        if self.stage.now < self._fragile_until:
            return
        apart = frozenset(more["members"])
        ids = {*range(1, 20), 101, 102}
        cut = {frozenset((a, b)) for a in apart for b in ids - apart}
        self.network.cut |= cut
        self.network.disturbed()

        def heal() -> None:
            self.network.cut -= cut
            self.network.disturbed()

        self.stage.loop.call_later(more["for"], heal)

    def _fault_hide_from_operator(self, more: dict[str, Any]) -> None:
        hidden = set(more["members"]) - self.around.hidden
        self.around.hidden.update(hidden)
        self.stage.loop.call_later(more["for"], self.around.hidden.difference_update, hidden)

    def _fault_restart_all(self, more: dict[str, Any]) -> None:
        """Every node is replaced at the same time."""
        if self._is_founded():
            self._restart_all()

    def _restart_all(self) -> None:
        for pod in self.api.all("Pod"):
            if not is_of_source(pod):
                self.api.delete("Pod", pod["metadata"]["name"])

    def _is_founded(self) -> bool:
        """Whether nobody may found any more, by all that says so."""
        published = self._published()
        return (
            bool(self._status().get("foundedAt"))
            and published is not None
            and not published["data"]["founders"]
        )

    def _status(self) -> dict[str, Any]:
        body = self.api.get(names.KIND, ENSEMBLE) or {}
        return body.get("status") or {}

    def _published(self) -> Object | None:
        return self.api.get("ConfigMap", names.membership_name(ENSEMBLE))

    def _fault_copied_volume(self, more: dict[str, Any]) -> None:
        """A volume is restored from a copy of an ensemble in another namespace; its own comes back later."""
        pod = self._pod(more["member"])
        if pod is None or pod.disk is None or not self._may_wipe(more["member"]):
            return
        disk, host = pod.disk, pod.name
        if self._is_ephemeral() or disk.stored is None:
            return
        self.kubelet.crash(pod.name)
        kept = replace(disk)
        servers = tuple(
            replace(s, host=s.host.replace(f".{NAMESPACE}.", ".prod."))
            for s in disk.stored.config.servers
        )
        disk.place = f"prod/{ENSEMBLE}"
        disk.head = Txn(0x900000001, None, "a write of the other ensemble")
        disk.stored = View(CommittedConfig(0x900000000, servers))
        self.stage.tell(host, "has the volume of another ensemble now")

        def give_back() -> None:
            if disk.place == f"prod/{ENSEMBLE}":
                vars(disk).update(vars(kept))

        self.stage.loop.call_later(more["for"], give_back)

    def _may_wipe(self, member_id: int) -> bool:
        """Whether the members that have all data stay a majority, and founding is over."""
        view = self.watchdog.view
        if view is None or self._published() is None or not self._status().get("foundedAt"):
            return False
        whole = {
            i
            for i in view.voters - {member_id}
            if (pod := self._pod(i)) is not None
            and pod.disk is not None
            and pod.disk.head is not None
            and pod.disk.head.holds(self.watchdog.acknowledged)
            and not self._loses_its_claim(pod)
        }
        return len(whole) >= majority(len(view.voters))

    def _loses_its_claim(self, pod: Running) -> bool:
        claim = self.api.get("PersistentVolumeClaim", f"{names.DATA_VOLUME}-{pod.name}")
        return claim is None or bool(claim["metadata"].get("deletionTimestamp"))

    def _fault_wipe(self, more: dict[str, Any]) -> None:
        """The node and the disk in it are lost for good; the pod comes up elsewhere, empty."""
        pod = self._pod(more["member"])
        if pod is None or pod.disk is None or not self._may_wipe(more["member"]):
            return
        disk = pod.disk
        self.kubelet.remove_by_force(pod.name)
        disk.wipe()

    def _fault_lose_node(self, more: dict[str, Any]) -> None:
        self.kubelet.lose_node(names.member_name(ENSEMBLE, more["member"]), more["for"])

    def _fault_disaster(self, more: dict[str, Any]) -> None:
        """All volumes but one are lost, and the ensemble is recovered on that one."""
        if self._deleted is None:
            self.disasters.lose_all_but(more["survivor"])

    def _fault_hang_nodes(self, more: dict[str, Any]) -> None:
        self.disasters.hang(more["members"], more["for"])

    def _user_recover(self, more: dict[str, Any]) -> None:
        """Somebody asks for a recovery, whatever was lost."""
        self.disasters.ask(more["survivor"])

    def _fault_crash_after(self, more: dict[str, Any]) -> None:
        """The operator is killed right after one of its next writes."""
        self.operators.crash_after(more["writes"])

    def _fault_no_room(self, more: dict[str, Any]) -> None:
        name = names.member_name(ENSEMBLE, more["member"])
        self.kubelet.no_room.add(name)
        self.stage.loop.call_later(more["for"], self.kubelet.no_room.discard, name)

    def _children(self) -> list[Object]:
        found = [body for kind in _CHILDREN for body in self.api.all(kind)]
        return [body for body in found if not is_of_source(body)]

    def _fault_delete_child(self, more: dict[str, Any]) -> None:
        children = self._children()
        if children:
            child = children[more["number"] % len(children)]
            if child["kind"] == "StatefulSet" and not self._survives_its_statefulset():
                return
            self.stage.tell("user", f"deletes {child['kind']} {child['metadata']['name']}")
            self.api.delete(child["kind"], child["metadata"]["name"])

    def _survives_its_statefulset(self) -> bool:
        """Whether the data stays when a StatefulSet is deleted by hand."""
        storage = self._spec()["storage"]
        retention = storage.get("retention") or {}
        return not storage.get("ephemeral") and retention.get("whenDeleted") != "Delete"

    def _fault_edit_child(self, more: dict[str, Any]) -> None:
        children = self._children()
        if not children:
            return
        child = children[more["number"] % len(children)]
        self.stage.tell("user", f"edits {child['kind']} {child['metadata']['name']}")
        if "data" in child:
            key = min(child["data"])
            data = {**child["data"], key: child["data"][key] + "# edited\n"}
            if child["metadata"]["name"] == names.membership_name(ENSEMBLE):
                data = child["data"]  # what is put into the list by hand is believed by who starts
            self.api.change(child, data=data)
        elif child["kind"] == "StatefulSet":
            self._edit_statefulset(child, more["number"])
        else:
            labels = {**child["metadata"]["labels"], "app.kubernetes.io/name": "edited"}
            self.api.change(child, metadata={**child["metadata"], "labels": labels})

    def _edit_statefulset(self, statefulset: Object, number: int) -> None:
        """As `kubectl rollout restart`, `kubectl scale` or `kubectl edit` do."""
        spec = statefulset["spec"]
        highest = spec["ordinals"]["start"] + spec["replicas"] - 1
        if number % 3 == 0:
            metadata = spec["template"]["metadata"]
            restart = {names.ANNOTATION_ROLLOUT_RESTART: str(number)}
            annotations = {**metadata.get("annotations", {}), **restart}
            template = {**spec["template"], "metadata": {**metadata, "annotations": annotations}}
            self.api.change(statefulset, spec={**spec, "template": template})
        elif number % 3 == 1 and spec["replicas"] and self._may_wipe(highest):
            self.api.change(statefulset, spec={**spec, "replicas": spec["replicas"] - 1})
        else:
            strategy = {"type": "RollingUpdate"}
            self.api.change(statefulset, spec={**spec, "updateStrategy": strategy})

    def _fault_delete_ca(self, more: dict[str, Any]) -> None:
        """The key of the CA is lost: another CA takes its place."""
        if self.api.get("Secret", names.authority_name(ENSEMBLE)) is not None:
            self.api.delete("Secret", names.authority_name(ENSEMBLE))

    def _fault_foreign_child(self, more: dict[str, Any]) -> None:
        """Somebody's own object bears our label, and another a name we may come to need."""
        if self.api.get("Service", "zk-7") is not None:
            return
        owner = {"kind": "Deployment", "name": "web", "uid": "web-1", "controller": True}
        body = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "zk-7",
                "labels": {names.LABEL_ENSEMBLE: ENSEMBLE},
                "ownerReferences": [{"apiVersion": "apps/v1", **owner}],
            },
            "spec": {},
        }
        self.api.create(body)
        self.stage.loop.call_later(more["for"], self.api.delete, "Service", "zk-7")

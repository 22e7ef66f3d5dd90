"""The check of the watch: does the periodic live list show what no event has reported?

kopf does not make up DELETED events after a gap, and a watch that ends without an error may stay
ended (nolar/kopf#1276). Both are harmless for a level-triggered operator that resyncs, but slow it
down silently; so the difference is measured.
"""

from collections.abc import Mapping


class EventLedger:
    """The last resourceVersion that events reported of each object, to compare with live lists.

    resourceVersions are compared for equality only, as the Kubernetes API asks.
    """

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}
        self._suspect: dict[
            str, str | None
        ] = {}  # uid → what the ledger held when it first differed

    def __len__(self) -> int:
        return len(self._seen)

    def __contains__(self, uid: str) -> bool:
        return uid in self._seen

    def seen(self, uid: str, resource_version: str) -> None:
        """An event reported an object in this version."""
        self._seen[uid] = resource_version

    def gone(self, uid: str) -> None:
        """An event reported that an object was deleted."""
        self._seen.pop(uid, None)

    def unreported(self, live: Mapping[str, str]) -> set[str]:
        """The uids that are live in another version than events reported; `live` as for `compare`."""
        return {uid for uid, version in live.items() if self._seen.get(uid) != version}

    def compare(self, live: Mapping[str, str]) -> set[str]:
        """The uids the watch has lost sight of; `live` maps uid to resourceVersion, freshly listed.

        Call it once per period. A difference may be an event still on its way, so it counts only
        when the previous call saw it too and no event reported that object in between. An
        object that is live stays drifted until an event reports it; one whose deletion was missed
        is reported once and then forgotten.
        """
        drifted: set[str] = set()
        suspect: dict[str, str | None] = {}
        for uid in live.keys() | self._seen.keys():
            known = self._seen.get(uid)
            if live.get(uid) == known:
                continue
            if uid in self._suspect and self._suspect[uid] == known:
                drifted.add(uid)
            if uid not in live and uid in drifted:
                del self._seen[uid]
            else:
                suspect[uid] = known
        self._suspect = suspect
        return drifted

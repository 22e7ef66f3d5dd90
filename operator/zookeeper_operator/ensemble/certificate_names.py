"""Every name by which the members of an ensemble are dialled, as a certificate has to hold them.

Pure. One certificate serves all members, since no peer checks which of them presents which name. It names
members that do not exist yet, so that scaling needs no other certificate. It has no wildcard, which would
name every other Service of the namespace as well.
"""

import re
from collections.abc import Iterator
from typing import Final

from zookeeper_operator.api.ensemble import FIRST_OBSERVER_ID, LAST_OBSERVER_ID, MAX_REPLICAS
from zookeeper_operator.certificates.authority import address_of
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.ensemble import Ensemble

_OBSERVERS_AT_ONCE: Final = 10
_DNS_NAME: Final = re.compile(r"(?=.{1,253}$)[A-Za-z0-9-]+([.][A-Za-z0-9-]+)*")


def issued_hosts(ensemble: Ensemble) -> tuple[str, ...]:
    """The names and addresses of a certificate that the operator issues, or asks cert-manager for."""
    found = [*_client_hosts(ensemble)]
    for member_id in _possible_ids(ensemble):
        service = f"{names.member_name(ensemble.name, member_id)}.{ensemble.namespace}.svc"
        found += [f"{service}.{ensemble.cluster_domain}", service]
        found += _external_host(ensemble, member_id)
    found += ["localhost", "127.0.0.1", "::1"]
    return tuple(dict.fromkeys(found))


def needed_hosts(ensemble: Ensemble) -> tuple[str, ...]:
    """The names that a certificate from elsewhere needs: those of the server lines and connection strings."""
    return (f"{_client_service(ensemble)}.svc.{ensemble.cluster_domain}", *peer_hosts(ensemble))


def peer_hosts(ensemble: Ensemble) -> tuple[str, ...]:
    """The names by which the members that the spec asks for dial each other."""
    return tuple(
        names.member_host(ensemble.name, ensemble.namespace, i, ensemble.cluster_domain)
        for i in (*ensemble.voter_ids, *ensemble.observer_ids)
    )


def _client_service(ensemble: Ensemble) -> str:
    return f"{names.client_service_name(ensemble.name)}.{ensemble.namespace}"


def _client_hosts(ensemble: Ensemble) -> Iterator[str]:
    """The client Service in every form that resolves in the cluster: applications are given any of them."""
    service = _client_service(ensemble)
    yield f"{service}.svc.{ensemble.cluster_domain}"
    yield f"{service}.svc"
    yield service
    yield names.client_service_name(ensemble.name)


def _possible_ids(ensemble: Ensemble) -> tuple[int, ...]:
    """All voters there can be, and observers by tens."""
    tens = -(-ensemble.spec.observers.replicas // _OBSERVERS_AT_ONCE)
    last = min(FIRST_OBSERVER_ID + tens * _OBSERVERS_AT_ONCE - 1, LAST_OBSERVER_ID)
    first = ensemble.first_id
    return (*range(first, first + MAX_REPLICAS), *range(FIRST_OBSERVER_ID, last + 1))


def _external_host(ensemble: Ensemble, member_id: int) -> list[str]:
    """Where the spec advertises the member outside; addresses of nodes are not known before."""
    external = ensemble.spec.external
    if external is None or not external.host_template:
        return []
    host = names.external_host(
        ensemble.name, ensemble.namespace, member_id, external.host_template
    ).strip("[]")
    if (address := address_of(host)) is not None:
        return [str(address)]
    # No client could find anything else in a certificate.
    return [host] if _DNS_NAME.fullmatch(host.rstrip(".")) else []

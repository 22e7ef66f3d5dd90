"""Fields of a pod that give it more than an ensemble needs, and what each of them gives.

Anyone who may create an ensemble may shape its pods by `spec.podTemplate`. Without a limit that would be the
right to run any pod, as any service account of the namespace, with any right on the node. So each of these
fields is refused unless the operator was installed to allow it by name. This is the one list: settings,
checks and the page `docs/reference/security.md` go by it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

Privilege = Literal[
    "allowPrivilegeEscalation",
    "appArmorProfile",
    "automountServiceAccountToken",
    "capabilities",
    "hostIPC",
    "hostPID",
    "hostPath",
    "hostPort",
    "privileged",
    "procMount",
    "runAsUser",
    "seLinuxOptions",
    "seccompProfile",
    "serviceAccountName",
    "sysctls",
    "windowsOptions",
]
"""The name of a field that raises privileges, as the chart's value `podTemplate.allowPrivileged` takes it."""

PRIVILEGES: Final[Mapping[Privilege, str]] = MappingProxyType(
    {
        "allowPrivilegeEscalation": "a process may gain more rights than the one that started it",
        "appArmorProfile": "the pod runs without the AppArmor profile of the node",
        "automountServiceAccountToken": "the pod holds a token of its service account for the API server",
        "capabilities": "the pod keeps or gets rights of root, such as to change the network",
        "hostIPC": "the pod shares memory with the processes of the node",
        "hostPID": "the pod sees, and may signal, the processes of the node",
        "hostPath": "the pod reads and writes files of the node",
        "hostPort": "the pod takes a port of the node, past the NetworkPolicy",
        "privileged": "the pod has every right on the node",
        "procMount": "the pod sees the parts of /proc that are masked otherwise",
        "runAsUser": "the pod may run as root",
        "seLinuxOptions": "the pod runs under a SELinux label of its own choice",
        "seccompProfile": "the pod may make any system call",
        "serviceAccountName": "the pod acts as another service account of the namespace",
        "sysctls": "the pod changes parameters of the kernel",
        "windowsOptions": "the pod may run as a process of a Windows node",
    }
)
"""What each of these fields gives to those who may write it."""

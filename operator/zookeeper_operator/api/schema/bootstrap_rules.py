"""What the API server refuses in `spec.bootstrap` of a `ZookeeperEnsemble`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from zookeeper_operator.api.schema.backup_rules import object_name, relative, storage_rules
from zookeeper_operator.api.schema.rules import Rule, in_range

_HIGHEST_EPOCH: Final = (1 << 31) - 3

BOOTSTRAP_SPEC_RULES: Final = (
    Rule(
        rule=(
            "has(self.bootstrap) == has(oldSelf.bootstrap) && "
            "(!has(self.bootstrap) || self.bootstrap == oldSelf.bootstrap)"
        ),
        message=(
            "bootstrap cannot be changed, because only a new ensemble is founded from a backup; create "
            "another ensemble, or write a subtree back with kubectl zk restore"
        ),
        cause="FieldValueForbidden",
    ),
    Rule(
        rule="!has(self.bootstrap) || !self.storage.ephemeral",
        message="bootstrap needs volumes that stay: unset storage.ephemeral",
        field=".bootstrap",
    ),
)
"""The rules of the spec itself."""

BOOTSTRAP_RULES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(
    {
        "spec.bootstrap.fromBackup": (
            Rule(
                rule="has(self.backupRef) != has(self.location)",
                message="fromBackup needs exactly one of backupRef and location",
            ),
            Rule(
                rule=(
                    "self.subtree == '/' || (self.subtree.matches('^(/[^/]+)+$') && "
                    "!self.subtree.matches('(^|/)[.][.]?(/|$)'))"
                ),
                message="subtree must be the path of a znode such as /app, without a slash at its end",
                field=".subtree",
            ),
            in_range("minEpoch", 0, _HIGHEST_EPOCH, f"minEpoch must be 0 to {_HIGHEST_EPOCH}"),
        ),
        "spec.bootstrap.fromBackup.backupRef": (object_name("name"),),
        "spec.bootstrap.fromBackup.location": (relative("path"),),
        **storage_rules("spec.bootstrap.fromBackup.location.storage"),
    }
)
"""Every rule by its place in the schema."""

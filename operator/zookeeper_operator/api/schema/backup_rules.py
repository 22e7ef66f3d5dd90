"""What the API server refuses in a `ZookeeperBackup` and in a `ZookeeperBackupSchedule`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from zookeeper_operator.api.backup import MAX_BACKUP_NAME_LENGTH
from zookeeper_operator.api.backup_schedule import MAX_SCHEDULE_NAME_LENGTH
from zookeeper_operator.api.schema.rules import (
    DURATION,
    OBJECT_NAME,
    QUANTITIES,
    Rule,
    in_range,
    quoted,
)

_PATH: Final = quoted("^[A-Za-z0-9!_.*'()-]+(/[A-Za-z0-9!_.*'()-]+)*/?$")
_DOTS: Final = quoted("(^|/)[.][.]?(/|$)")


def _name(limit: int) -> Rule:
    return Rule(
        rule=(
            "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && "
            f"size(self.metadata.name) <= {limit}"
        ),
        message=(
            f"metadata.name must be at most {limit} characters, lower-case letters, digits and "
            "dashes: it is the value of a label"
        ),
    )


def relative(field: str) -> Rule:
    """Return the rule of a path below a bucket or a volume."""
    return Rule(
        rule=f"self.{field} == '' || (self.{field}.matches({_PATH}) && !self.{field}.matches({_DOTS}))",
        message=f"{field} must be a relative path such as backups/production, without . and ..",
        field=f".{field}",
    )


def object_name(field: str) -> Rule:
    """Return the rule of a reference by name."""
    return Rule(
        rule=f"self.{field}.matches('{OBJECT_NAME}')",
        message=f"{field} must be the name of an object of Kubernetes",
        field=f".{field}",
    )


def _duration(field: str, example: str) -> Rule:
    return Rule(
        rule=f"!has(self.{field}) || (self.{field} != '' && self.{field}.matches('{DURATION}'))",
        message=f"{field} must be a duration such as {example}",
        field=f".{field}",
    )


def storage_rules(path: str) -> dict[str, tuple[Rule, ...]]:
    """The rules of where a backup is stored, wherever it stands."""
    return {
        path: (
            Rule(
                rule="has(self.s3) != has(self.persistentVolumeClaim)",
                message="storage needs exactly one of s3 and persistentVolumeClaim",
            ),
        ),
        f"{path}.s3": (
            Rule(
                rule="self.bucket.matches('^[a-z0-9A-Z][a-z0-9A-Z._-]*[a-z0-9A-Z]$')",
                message="bucket must be the name of a bucket, without a URL around it",
                field=".bucket",
            ),
            Rule(
                rule="!has(self.endpoint) || self.endpoint.matches('^https?://[^/?#@ ]+/?$')",
                message=(
                    "endpoint must be a URL such as https://minio.example.org:9000, without a path and "
                    "without credentials"
                ),
                field=".endpoint",
            ),
            relative("prefix"),
        ),
        f"{path}.persistentVolumeClaim": (object_name("claimName"), relative("subPath")),
    }


def _spec_rules(path: str) -> dict[str, tuple[Rule, ...]]:
    """The rules of the spec of a backup, wherever it stands."""
    return {
        path: (
            _duration("timeout", "1h or 90m"),
            Rule(
                rule="!has(self.serviceAccountName) || "
                f"self.serviceAccountName.matches('{OBJECT_NAME}')",
                message="serviceAccountName must be the name of a service account",
                field=".serviceAccountName",
            ),
        ),
        f"{path}.ensembleRef": (object_name("name"),),
        **storage_rules(f"{path}.storage"),
        f"{path}.resources.requests": (QUANTITIES,),
        f"{path}.resources.limits": (QUANTITIES,),
    }


def _with_first(
    rules: dict[str, tuple[Rule, ...]], path: str, rule: Rule
) -> dict[str, tuple[Rule, ...]]:
    return rules | {path: (rule, *rules[path])}


BACKUP_RULES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(
    {
        "": (_name(MAX_BACKUP_NAME_LENGTH),),
        **_with_first(
            _spec_rules("spec"),
            "spec",
            Rule(
                rule="self == oldSelf",
                message="the spec of a backup cannot be changed: it is one attempt; create another backup",
                cause="FieldValueForbidden",
            ),
        ),
    }
)

SCHEDULE_RULES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(
    {
        "": (_name(MAX_SCHEDULE_NAME_LENGTH),),
        "spec": (
            Rule(
                rule=(
                    "self.schedule in ['@hourly', '@daily', '@weekly', '@monthly'] || "
                    "self.schedule.matches('^([0-9A-Za-z*/,-]+ +){4}[0-9A-Za-z*/,-]+$')"
                ),
                message=(
                    "schedule must have the five fields of cron, such as '17 2 * * *', or be one of "
                    "@hourly, @daily, @weekly, @monthly"
                ),
                field=".schedule",
            ),
            Rule(
                rule="self.timeZone.matches('^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$')",
                message="timeZone must be the name of a time zone, such as UTC or Europe/Berlin",
                field=".timeZone",
            ),
            in_range(
                "startingDeadlineSeconds",
                10,
                604_800,
                "startingDeadlineSeconds must be 10 to 604800 (a week)",
            ),
        ),
        "spec.retention": (
            in_range("keepLast", 1, 10_000, "keepLast must be 1 to 10000"),
            in_range("keepVerified", 1, 10_000, "keepVerified must be 1 to 10000"),
            _duration("keepFor", "720h"),
        ),
        **_spec_rules("spec.template.spec"),
    }
)

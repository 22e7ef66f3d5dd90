"""The rules for taking over another ensemble."""

from typing import Final

from zookeeper_operator.api.ensemble import LAST_VOTER_ID
from zookeeper_operator.api.schema.rules import Rule

_PORT: Final = (
    "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
)
_HOST: Final = rf"([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])(:{_PORT})?"
_ALONE: Final = "!has(self.adopt) || "

ADOPTION_OBJECT_RULES: Final = (
    Rule(
        rule=(
            "!has(oldSelf.spec) || !has(oldSelf.spec.adopt) || (has(self.spec) && has(self.spec.adopt)) || "
            "(has(oldSelf.status) && has(oldSelf.status.adoptedAt))"
        ),
        message=(
            "adopt can be removed when the adoption has ended: set proceed: Finish and wait for "
            "status.adoptedAt, or delete the ensemble while none of its members votes"
        ),
        field=".spec.adopt",
        cause="FieldValueForbidden",
    ),
    Rule(
        rule=(
            "!has(self.spec) || !has(self.spec.adopt) || (has(oldSelf.spec) && has(oldSelf.spec.adopt)) || "
            "(has(oldSelf.status) && has(oldSelf.status.adoption) && !has(oldSelf.status.adoptedAt))"
        ),
        message=(
            "adopt can only be set when the ensemble is created: one that has data of its own takes over no "
            "other; create a new ensemble"
        ),
        field=".spec.adopt",
        cause="FieldValueForbidden",
    ),
)
"""Rules of the object: what depends on its status."""

ADOPTION_SPEC_RULES: Final = (
    Rule(
        rule=(
            f"self.firstMemberId >= 1 && self.firstMemberId + self.replicas - 1 <= {LAST_VOTER_ID}"
        ),
        message=(
            f"firstMemberId must be 1 or more, and the ids of all voters at most {LAST_VOTER_ID}: higher "
            "ones are those of observers"
        ),
        field=".firstMemberId",
    ),
    Rule(
        rule="self.firstMemberId == oldSelf.firstMemberId",
        message=(
            "firstMemberId cannot be changed: pods, volumes and server lines are named after it; create a "
            "new ensemble"
        ),
        field=".firstMemberId",
        cause="FieldValueForbidden",
    ),
    Rule(
        rule=f"{_ALONE}self.firstMemberId > 1",
        message="adopt needs a firstMemberId above every id of the source, such as 11",
        field=".firstMemberId",
    ),
    Rule(
        rule=f"{_ALONE}!has(self.bootstrap)",
        message="bootstrap cannot be set beside adopt: the data comes from the source",
        field=".bootstrap",
    ),
    Rule(
        rule=f"{_ALONE}!has(self.auth)",
        message=(
            "auth cannot be set beside adopt: clients of the source do not authenticate; set it when the "
            "adoption has ended and adopt is removed"
        ),
        field=".auth",
    ),
    Rule(
        rule=f"{_ALONE}!has(self.tls)",
        message=(
            "tls cannot be set beside adopt: the members of the source speak no TLS with ours; set it when "
            "the adoption has ended and adopt is removed"
        ),
        field=".tls",
    ),
    Rule(
        rule=f"{_ALONE}!self.stopped",
        message=(
            "stopped cannot be set beside adopt: the source would lose the votes of these members; set "
            "adopt.proceed: Observe to go back, or remove adopt when the adoption has ended"
        ),
        field=".stopped",
    ),
    Rule(
        rule=f"{_ALONE}!self.storage.ephemeral",
        message=(
            "storage.ephemeral cannot be set beside adopt: the data of the source would go with the pods"
        ),
        field=".storage.ephemeral",
    ),
)
"""Rules of the spec as a whole."""

ADOPT_RULES: Final = (
    Rule(
        rule=f"self.connectionString.matches('^{_HOST}(,{_HOST})*$')",
        message=(
            "connectionString must be addresses of the source such as zookeeper.old.svc:2181, separated by "
            "commas, without a chroot"
        ),
        field=".connectionString",
    ),
    Rule(
        rule="oldSelf.proceed != 'Finish' || self.proceed == 'Finish'",
        message="proceed cannot go back from Finish: the source is being stopped",
        field=".proceed",
        cause="FieldValueForbidden",
    ),
    Rule(
        rule="self.mode == oldSelf.mode",
        message=(
            "mode cannot be changed: delete the ensemble and its claims while none of its members votes, and "
            "create it again"
        ),
        field=".mode",
        cause="FieldValueForbidden",
    ),
)
"""Rules of `spec.adopt`."""

"""Kubernetes quantities: `512Mi`, `1.5`, `100m`, `5Gi`.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import Final

_FACTORS: Final = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "E": Decimal(10) ** 18,
    "Ki": Decimal(1024),
    "Mi": Decimal(1024) ** 2,
    "Gi": Decimal(1024) ** 3,
    "Ti": Decimal(1024) ** 4,
    "Pi": Decimal(1024) ** 5,
    "Ei": Decimal(1024) ** 6,
}
_FORM: Final = re.compile(
    r"^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i))?$"
)


def exact_quantity(text: str | int) -> Decimal:
    """The value of a quantity, in its base unit.

    Raises:
        ValueError: it is none.
    """
    return _read(str(text).strip())


@lru_cache(maxsize=1024)  # the same few sizes, many times in each pass
def _read(text: str) -> Decimal:
    found = _FORM.match(text)
    if found is None:
        raise ValueError(f"not a quantity: {text!r}")
    number, exponent, suffix = found.groups()
    return Decimal(number + (exponent or "")) * _FACTORS[suffix or ""]


def parse_quantity(text: str | int) -> int:
    """The value of a quantity in whole base units (bytes, CPUs), rounded up.

    Raises:
        ValueError: it is none.
    """
    return int(exact_quantity(text).to_integral_value(rounding=ROUND_CEILING))

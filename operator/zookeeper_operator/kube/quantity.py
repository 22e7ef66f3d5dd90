"""Kubernetes quantities: `512Mi`, `1.5`, `100m`, `5Gi`.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/

A quantity may come from anyone who may write an object, so nothing is computed before its length and its
exponent are known to be small: the exact value of `1e999999` alone has a million digits.
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
    r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:([eE][+-]?[0-9]{1,2})|([numkMGTPE]|[KMGTPE]i))?"
)
_LONGEST: Final = 64
_LARGEST: Final = Decimal(2**63 - 1)


def exact_quantity(text: str | int) -> Decimal:
    """The value of a quantity, in its base unit; one beyond 2^63-1 is 2^63-1, as for the API server.

    Raises:
        ValueError: it is none.
    """
    written = str(text).strip()
    if len(written) > _LONGEST:
        raise ValueError(f"not a quantity: {written[:_LONGEST]!r}… is too long")
    return _read(written)


@lru_cache(maxsize=1024)  # the same few sizes, many times in each reconcile
def _read(text: str) -> Decimal:
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"not a quantity: {text!r}")
    number, exponent, suffix = found.groups()
    value = Decimal(number + (exponent or "")) * _FACTORS[suffix or ""]
    return max(-_LARGEST, min(_LARGEST, value))


def is_quantity(text: object) -> bool:
    """Whether a value is a quantity; a number that is no integer is one, as the API server reads it."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        return False
    try:
        exact_quantity(str(text))
    except ValueError:
        return False
    return True


def parse_quantity(text: str | int) -> int:
    """The value of a quantity in whole base units (bytes, CPUs), rounded up.

    Raises:
        ValueError: it is none.
    """
    return int(exact_quantity(text).to_integral_value(rounding=ROUND_CEILING))

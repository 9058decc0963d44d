"""What a YAML scalar means to Helm and Flux: the scalar table of sigs.k8s.io/yaml, which is go-yaml v2's.

It is neither YAML 1.1 nor 1.2: ``yes`` and ``y`` are booleans, ``0777``, ``0o777`` and ``1_000`` are integers, ``08``
is a float, ``1:30``, ``=`` and dates are strings. tests/fixtures/yaml/generator writes down what the Go module makes of
several hundred scalars; the tests compare.
"""

import base64
import math
import re
import struct
from typing import Any

CORE_TAG = "tag:yaml.org,2002:"
BINARY, BOOL, FLOAT, INT, MERGE, NULL, STR, TIMESTAMP = (
    CORE_TAG + name for name in ("binary", "bool", "float", "int", "merge", "null", "str", "timestamp")
)
SCALAR_TAGS = frozenset({BINARY, BOOL, FLOAT, INT, NULL, STR, TIMESTAMP})

WORDS: dict[str, bool | float | None] = (
    dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True)
    | dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False)
    | dict.fromkeys(("", "~", "null", "Null", "NULL"))
    | dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan)
    | dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf)
    | dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf)
)

_NUMBER_START = frozenset("+-.0123456789")
_INT = re.compile(r"[-+]?(?:0[bB][01]+|0[oO]?[0-7]+|0[xX][0-9a-fA-F]+|[1-9][0-9]*|0)")
# go-yaml hands what stands behind "0b" to a parser that takes a sign.
_SIGNED_BINARY = re.compile(r"0b([-+][01]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
# Behind a leading point Go's own ParseFloat decides, and that one takes underscores between digits only.
_POINT_FLOAT = re.compile(r"\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?")
_DATE = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
    r"(?:(?:[Tt](?=.*(?:Z|[-+][0-9]{2}:[0-9]{2})\Z)| +)"
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2}):(?P<second>[0-9]{1,2})(?:[.,][0-9]+)?(?P<zone>Z|[-+][0-9]{2}:[0-9]{2})?)?"
)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_INT64_MIN, _INT64_MAX, _UINT64_MAX = -(2**63), 2**63 - 1, 2**64 - 1
_FLOAT32_DIGITS = 9
# Powers of ten from which Go's %g writes an exponent.
_FLOAT32_SMALLEST_PLAIN, _FLOAT32_LARGEST_PLAIN = -4, 6


def resolve_plain(text: str) -> Any:  # noqa: PLR0911 - a table
    """Return what an unquoted, untagged scalar means: None, bool, int, float or str.

    Source: ``resolve`` in go-yaml v2. Floats may be infinite or NaN; what is too large for a float is a string.
    """
    if text in WORDS:
        return WORDS[text]
    if text[0] not in _NUMBER_START:
        return text
    if text[0] == ".":
        return _float(text.replace("_", ""), text) if _POINT_FLOAT.fullmatch(text) else text
    digits = text.replace("_", "")
    if _INT.fullmatch(digits):
        number = _int(digits)
        if _INT64_MIN <= number <= _INT64_MAX or (_INT64_MAX < number <= _UINT64_MAX and digits[0] != "+"):
            return number
    if _FLOAT.fullmatch(digits):
        return _float(digits, text)
    if match := _SIGNED_BINARY.fullmatch(digits):
        number = int(match[1], 2)
        return number if _INT64_MIN <= number <= _INT64_MAX else text
    return text


def resolve_tagged(tag: str, text: str) -> Any:
    """Return what a scalar with one of SCALAR_TAGS means, quoted or not.

    Raises:
        ValueError: The text can't be read as the tag says; Helm refuses it too.
    """
    if tag == STR:
        return text
    if tag == BINARY:
        return _binary(text)
    if tag == TIMESTAMP:
        if not _is_timestamp(text):
            raise ValueError("is no timestamp")
        return text
    value = resolve_plain(text)
    if tag == FLOAT and type(value) is int and value <= _INT64_MAX:
        return float(value)
    wanted = {BOOL: bool, FLOAT: float, INT: int, NULL: type(None)}[tag]
    if type(value) is not wanted:
        raise ValueError(f"is no {tag.removeprefix(CORE_TAG)}")
    return value


def key_text(value: Any) -> str | None:
    """Return how sigs.k8s.io/yaml spells a resolved map key in JSON; None for a key that it refuses."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value <= _INT64_MAX else None
    if isinstance(value, float):
        return _float_key(value)
    return None


def _int(digits: str) -> int:
    sign = -1 if digits[0] == "-" else 1
    magnitude = digits.lstrip("+-")
    prefix = magnitude[:2].lower()
    if prefix in {"0b", "0o", "0x"}:
        return sign * int(magnitude[2:], {"0b": 2, "0o": 8, "0x": 16}[prefix])
    if magnitude[0] == "0":
        return sign * int(magnitude, 8)
    # More digits than a 64-bit integer can have: Python refuses to read thousands of them.
    return sign * (int(magnitude) if len(magnitude) <= len(str(_UINT64_MAX)) else _UINT64_MAX + 1)


def _float(digits: str, text: str) -> float | str:
    number = float(digits)
    return text if math.isinf(number) else number


def _float_key(value: float) -> str:
    """Spell a float key as Go's ``FormatFloat(value, 'g', -1, 32)``: the shortest for the nearest 32-bit float."""
    try:
        single = _as_float32(value)
    except OverflowError:
        single = math.copysign(math.inf, value)
    if math.isnan(single):
        return ".nan"
    if math.isinf(single):
        return ".inf" if single > 0 else "-.inf"
    spellings = (f"{single:.{precision}e}" for precision in range(_FLOAT32_DIGITS))
    shortest = next(spelling for spelling in spellings if _as_float32(float(spelling)) == single)
    mantissa, _, exponent = shortest.partition("e")
    power = int(exponent)
    if power < _FLOAT32_SMALLEST_PLAIN or power >= _FLOAT32_LARGEST_PLAIN:
        return f"{mantissa}e{power:+03d}"
    digits = len(mantissa.lstrip("-").replace(".", ""))
    return f"{single:.{max(digits - 1 - power, 0)}f}"


def _as_float32(value: float) -> float:
    (single,) = struct.unpack("f", struct.pack("f", value))
    return float(single)


def _binary(text: str) -> str:
    joined = text.replace("\n", "").replace("\r", "")
    if not _BASE64.fullmatch(joined):
        raise ValueError("is no base64")
    try:
        return base64.b64decode(joined).decode()
    except UnicodeDecodeError:
        # Helm would put replacement characters in place of what isn't text.
        raise ValueError("holds bytes that are no text") from None


def _is_timestamp(text: str) -> bool:
    match = _DATE.fullmatch(text)
    if not match:
        return False
    year, month, day = (int(match[name]) for name in ("year", "month", "day"))
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    limits = {"hour": 23, "minute": 59, "second": 59}
    return (
        1 <= month <= len(days)
        and 1 <= day <= days[month - 1]
        and all(match[name] is None or int(match[name]) <= limit for name, limit in limits.items())
    )

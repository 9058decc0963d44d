"""Hypothesis strategies: plain data that YAML can say, and texts that may or may not be YAML."""

from typing import Any

from hypothesis import strategies as st

INT64_MIN, UINT64_MAX = -(2**63), 2**64 - 1

# Strings that one YAML reader or another takes for something else, or that need care to write.
TRICKY_STRINGS = (
    *("", " ", "\n", "\t", "~", "null", "Null", "NULL", "yes", "No", "on", "OFF", "y", "N", "true", "False", "=", "<<"),
    *("0", "-1", "+1", "007", "08", "0o17", "0b1", "0x1F", "1_000", "1e3", "1.", ".5", "6.10", "-.inf", ".nan", "1:30"),
    *(
        "2001-01-01",
        "2001-12-14t21:59:43.10-05:00",
        "1.2.3",
        "6.x",
        "30m",
        "1Gi",
        "0x1p3",
        "1,000",
        "Infinity",
        "1e400",
    ),
    *(
        "-",
        "--",
        "---",
        "...",
        "- a",
        "-a",
        "a: b",
        "a:",
        ":a",
        "a #b",
        "#a",
        "a#b",
        "?",
        "? a",
        "@a",
        "`a",
        "%a",
        "!a",
    ),
    *(
        "&a",
        "*a",
        "|",
        ">",
        "[a]",
        "{a}",
        "a, b",
        "'a'",
        '"a"',
        "it's",
        "a\\b",
        '\\"',
        "{{ .Values.x }}",
        "${x}",
        "a/b",
    ),
    *(
        " a",
        "a ",
        "\ta",
        "a\t",
        "a\tb",
        "a\n",
        "\na",
        "a\nb",
        "a\n\nb\n",
        "a\n\n",
        " a\nb",
        "a\n b\n",
        "a\n \nb",
        "a\n ",
    ),
    *(
        "\r",
        "a\r\nb",
        "a\x85b",
        "a\u2028b",
        "\x00",
        "\x1b[0m",
        "\x7f",
        "\xa0",
        "\ufeff",
        "\u200b",
        "\ufffe",
        "é",
        "日本",
        "😀",
    ),
    *("word " * 40, "x" * 600, "line\n" * 30),
)

# Everything but halves of surrogate pairs, which no UTF-8 file can hold.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
strings = st.one_of(st.sampled_from(TRICKY_STRINGS), texts, st.text(alphabet=" \t\n:-#'\"\\a0.[]{}", max_size=12))
integers = st.one_of(st.integers(-1000, 1000), st.integers(INT64_MIN, UINT64_MAX))
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.one_of(st.none(), st.booleans(), integers, floats, strings)

plain_data: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(strings, inner, max_size=4)),
    max_leaves=20,
)
"""What JSON can say: any value of a document."""

values = st.dictionaries(strings, plain_data, max_size=5)
"""A map, such as the values of a chart."""

YAML_SEEDS = (
    "chart: podinfo\nrepository: podinfo\nversion: 6.x\n",
    "a: &x\n  b: [1, {c: d}]\n  e: 'f'\ng:\n  <<: *x\n  b: null\nh: [*x, *x]\n",
    '- |\n  a\n   b\n\n- >-\n  c\n  d\n- "x\\ty\\u263a"\n- ? k\n  : v\n',
    '%YAML 1.1\n--- !!map\na: !!str 1\nb: !!int "3"\n...\n---\n# nothing\n---\n- 1\n',
    "1: a\nyes: b\n1.5: c\n~x: d\n2001-01-01: e\n",
    "{a: 1, b: [2, 3], c: {d: e}}\n",
)
YAML_PIECES = (
    *(
        "\t",
        "\n",
        "  ",
        ":",
        "-",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&",
        "*",
        "!",
        "|",
        ">",
        "'",
        '"',
        "%",
        "@",
        "`",
        "#",
        "?",
        "<",
    ),
    *(
        ": ",
        "- ",
        "? ",
        "&a ",
        "*a",
        "*x",
        "<<: ",
        "!!str ",
        "!foo ",
        "---\n",
        "...\n",
        "|2\n",
        " #",
        ".inf",
        "null",
        "~",
    ),
    *("\r\n", "\x85", "\u2028", "\ufeff", "\x00", "\ud800", "😀", "\\/", "\\x", "a", "0", "1_0", "=", "[" * 200),
)


@st.composite
def mutated_yaml(draw: st.DrawFn) -> str:
    """YAML with pieces put in, taken out and doubled: it often is YAML still."""
    text = draw(st.sampled_from(YAML_SEEDS))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(start + 8, len(text))))
        text = text[:start] + draw(st.one_of(st.sampled_from(YAML_PIECES), st.just(text[start:end] * 2))) + text[end:]
    return text


any_texts = st.one_of(
    mutated_yaml(),
    st.lists(st.sampled_from(YAML_PIECES), max_size=12).map("".join),
    st.text(st.characters(), max_size=60),
)
"""Any text whatever, half surrogate pairs too."""

"""Reading YAML files: what is in them, where it stands, and every way in which one can be bad."""

import os
from pathlib import Path
from typing import Any

import pytest

from fluxapps.model.problems import ConfigError
from fluxapps.model.yaml_file import YamlDocument, parse_yaml, read_yaml

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
LONG_TEXT_BOMB = f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 100)}]\n"
NESTED = "a: &a " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 60 + "*a" + "]" * 60 + "\n"


def problems_of(text: str) -> list[tuple[str, int | None, int | None]]:
    with pytest.raises(ConfigError) as refused:
        parse_yaml(text, "apps/a/values.yaml")
    assert all(problem.file == "apps/a/values.yaml" for problem in refused.value.problems)
    return [(problem.code, problem.line, problem.column) for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        # Syntax, as libyaml sees it.
        ("a: b: c\n", [("yaml-syntax", 1, 5)]),
        ("a: [1, 2\n", [("yaml-syntax", 2, 1)]),
        ('a: 1\nb: "x\n', [("yaml-syntax", 2, 4)]),
        ("a: @x\n", [("yaml-syntax", 1, 4)]),
        ("a:\n  - b\n c: d\n", [("yaml-syntax", 3, 2)]),
        ("  a: 1\nb: 2\n", [("yaml-syntax", 2, 1)]),
        ("a\nb: c\n", [("yaml-syntax", 2, 2)]),
        ("a: x\x00\nb: \x7f\n", [("yaml-syntax", 1, 5), ("yaml-syntax", 2, 4)]),
        ("a: b\n\ufeffc: d\n", [("yaml-syntax", 2, 1)]),
        # Where go-yaml is stricter than libyaml.
        ("a: {url: http://x/?y=1}\n", [("yaml-syntax", 1, 10)]),
        ('a: "x\\/y"\n', [("yaml-syntax", 1, 4)]),
        # Tabs.
        ("a:\n\tb: 1\n", [("yaml-tab", 2, 1)]),
        ("a:\n  b: 1\n\tc: 1\n", [("yaml-tab", 3, 1)]),
        ("\ta: 1\n", [("yaml-tab", 1, 1)]),
        # A text with half a character can't come from a file, but from a caller.
        ("a: \ud800\n", [("not-utf8", 1, 4)]),
        # Keys.
        ("a: 1\nb: 2\na: 3\n", [("duplicate-key", 3, 1)]),
        ("a: 1\n'a': 2\na: 3\n", [("duplicate-key", 2, 1), ("duplicate-key", 3, 1)]),
        ("1: a\n'1': b\n0x1: c\n", [("duplicate-key", 2, 1), ("duplicate-key", 3, 1)]),
        ("x: [{y: 1, y: 2}]\nyes: 1\non: 2\n", [("duplicate-key", 1, 12), ("duplicate-key", 3, 1)]),
        ("a: &a {b: 1}\nc:\n  <<: *a\n  <<: *a\n", [("duplicate-key", 4, 3)]),
        ("? [a]\n: b\n", [("yaml-key", 1, 3)]),
        ("{a: b}: c\n", [("yaml-key", 1, 1)]),
        ("- ~: a\n- ? \n  : c\n", [("yaml-key", 1, 3), ("yaml-key", 2, 4)]),
        ("18446744073709551615: a\n", [("yaml-key", 1, 1)]),
        ("a: &a [1]\n? *a\n: b\n", [("yaml-key", 2, 3)]),
        # Values that JSON doesn't have.
        ("a: .inf\nb: [-.INF, .nan]\n", [("not-a-json-number", n, c) for n, c in [(1, 4), (2, 5), (2, 12)]]),
        # Tags.
        ("a: !vault x\nb: !foo [1]\n", [("unknown-tag", 1, 4), ("unknown-tag", 2, 4)]),
        ("a: !!set {b}\nc: !!map x\n!!foo d: e\n", [("unknown-tag", n, c) for n, c in [(1, 4), (2, 4), (3, 1)]]),
        ("a: !!int x\nb: !!float 1.x\nc: !!binary '*'\n", [("yaml-tag", n, 4) for n in (1, 2, 3)]),
        ("a: !!binary /w==\n", [("yaml-tag", 1, 4)]),
        ("a: !x!y z\n", [("yaml-syntax", 1, 4)]),
        # Anchors and merge keys.
        ("a: *b\nc: *d\n", [("unknown-anchor", 1, 4), ("unknown-anchor", 2, 4)]),
        ("a: &a 1\n---\nb: *a\n", [("unknown-anchor", 3, 4)]),
        ("a: &a [*a]\n", [("recursive-alias", 1, 8)]),
        ("a: &a\n  b: *a\n", [("recursive-alias", 2, 6)]),
        ("a: &a\n  <<: *a\n", [("recursive-alias", 2, 7)]),
        ("<<: 1\n", [("yaml-merge", 1, 5)]),
        ("a: &a [1]\nb:\n  <<: *a\nc:\n  <<: [{d: 1}, 2]\n", [("yaml-merge", 3, 7), ("yaml-merge", 5, 16)]),
        (BOMB, [("alias-bomb", 4, 16)]),
        (LONG_TEXT_BOMB, [("alias-bomb", 2, 337)]),
        # Depth.
        ("[" * 101, [("too-deep", 1, 101)]),
        ("[" * 100_000, [("too-deep", 1, 101)]),
        ("- " * 100_000, [("too-deep", 1, 201)]),
        (NESTED, [("too-deep", 1, 46)]),
    ],
)
def test_names_the_fault_and_its_place(text: str, problems: list[tuple[str, int, int]]) -> None:
    assert problems_of(text) == problems


def test_reports_all_faults_at_once() -> None:
    text = "a: 1\na: 2\nb: !foo x\n---\nc: [1\n---\nd: 3\nd: 4\n---\ne: *f\n"
    assert problems_of(text) == [
        ("duplicate-key", 2, 1),
        ("unknown-tag", 3, 4),
        ("yaml-syntax", 6, 1),
        ("duplicate-key", 8, 1),
        ("unknown-anchor", 10, 4),
    ]


def test_a_duplicate_names_both_lines() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_yaml("a: 1\nb: 2\na: 3\n", "values.yaml")
    (problem,) = refused.value.problems
    assert problem.what == "key 'a' stands twice in this map, on line 1 and on line 3"
    assert problem.fix


def test_many_faults_are_all_named() -> None:
    assert len(problems_of("a: 1\n" * 5_001)) == 5_000


def test_many_broken_documents_end_soon() -> None:
    assert len(problems_of("---\n[\n" * 10_000)) == 20


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing\n", None),
        ("---\n# nothing\n", None),
        ("{}\n", {}),
        ("~\n", None),
        ("\ufeffa: 1\n", {"a": 1}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("- &a 1\n- &a 2\n- *a\n", [1, 2, 2]),
        ("a: &a {b: 1, c: 2}\nd:\n  c: 0\n  <<: *a\n  b: 3\n", {"a": {"b": 1, "c": 2}, "d": {"c": 2, "b": 3}}),
        ("80: http\nyes: 1\n1.50: x\n", {"80": "http", "true": 1, "1.5": "x"}),
        ("[" * 100 + "]" * 100, None),
    ],
)
def test_reads(text: str, value: Any) -> None:
    file = parse_yaml(text, "values.yaml")
    if text.startswith("["):
        assert str(file.value) == text
    else:
        assert file.value == value


def test_keeps_documents_that_say_something() -> None:
    text = "# first\na: 1\n---\n# nothing\n---\n# third\n\nb: 2\n--- ~\n---\n"
    assert parse_yaml(text, "other.yaml").documents == (
        YamlDocument({"a": 1}, 2),
        YamlDocument({"b": 2}, 5),
        YamlDocument(None, 9),
    )


def test_aliases_share_nothing() -> None:
    value = parse_yaml("a: &a {b: [1]}\nc: *a\nd:\n  <<: *a\n", "values.yaml").value
    value["c"]["b"].append(2)
    value["d"]["b"].append(3)
    assert value["a"] == {"b": [1]}


PLACES = """\
# a comment
a: 1
b: &b
  c: [x, {d: 2}]
  'e f':
  - g: 3
    h: 4
i:
  <<: [*b, {k: 5}]
  c: 6
80: port
l: *b
---
m: 7
"""


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ((), (2, 1), (2, 1)),
        (("a",), (2, 1), (2, 4)),
        (("b", "c"), (4, 3), (4, 6)),
        (("b", "c", 1), (4, 10), (4, 10)),
        (("b", "c", 1, "d"), (4, 11), (4, 14)),
        (("b", "e f", 0, "h"), (7, 5), (7, 8)),
        (("i", "c"), (10, 3), (10, 6)),
        (("i", "k"), (9, 13), (9, 16)),
        (("i", "e f", 0), (6, 5), (6, 5)),
        (("80",), (11, 1), (11, 5)),
        ((80,), (11, 1), (11, 5)),
        (("l", "c", 0), (4, 7), (4, 7)),
        # Not there: the nearest ancestor.
        (("z",), (2, 1), (2, 1)),
        (("b", "c", 9), (4, 3), (4, 6)),
        (("b", "c", "x"), (4, 3), (4, 6)),
        (("a", "b", "c"), (2, 1), (2, 4)),
    ],
)
def test_finds_places(path: tuple[str | int, ...], key: tuple[int, int], value: tuple[int, int]) -> None:
    file = parse_yaml(PLACES, "values.yaml")
    assert file.position(path) == key
    assert file.position(path, of_key=False) == value


def test_knows_what_was_written() -> None:
    file = parse_yaml("a: 6.10\nb: &b 'x'\nc: [*b, 0777, [1]]\n---\n~\n", "values.yaml")
    assert file.written(("a",)) == "6.10"
    assert file.written(("c", 0)) == "x"
    assert file.written(("c", 1)) == "0777"
    assert file.written((), document=1) == "~"
    for path in ((), ("c",), ("c", 2), ("d",), ("a", "b"), ("c", 5)):
        assert file.written(path) is None
    assert parse_yaml("", "values.yaml").written(()) is None


def test_finds_places_in_other_documents() -> None:
    file = parse_yaml(PLACES, "values.yaml")
    assert file.position(("m",), document=1) == (14, 1)
    assert parse_yaml("", "values.yaml").position(("m",)) == (1, 1)


def read_problem(root: Path, file: str) -> tuple[str, int | None, int | None]:
    with pytest.raises(ConfigError) as refused:
        read_yaml(root, file)
    (problem,) = refused.value.problems
    assert problem.file == file
    return problem.code, problem.line, problem.column


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a: 1\nb: caf\xe9\n", ("not-utf8", 2, 7)),
        ("a: é".encode() + b"\xff", ("not-utf8", 1, 5)),
        ("a: 1\n".encode("utf-16"), ("not-utf8", None, None)),
        (b"\xfe\xff\x00a", ("not-utf8", None, None)),
        (b"a: 1\na: 2\n", ("duplicate-key", 2, 1)),
        (b"a: \xed\xa0\x80\n", ("not-utf8", 1, 4)),
    ],
)
def test_refuses_files(tmp_path: Path, content: bytes, problem: tuple[str, int, int]) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    assert read_problem(tmp_path, "a.yaml") == problem


def test_reads_files(tmp_path: Path) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps" / "a.yaml").write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\n")
    file = read_yaml(tmp_path, "apps/a.yaml")
    assert (file.file, file.text, file.value) == ("apps/a.yaml", "a: é\n", {"a": "é"})
    assert file.position(("a",)) == (1, 1)


def test_reads_large_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("".join(f"key{number}: {'x' * 1000}\n" for number in range(3000)))
    assert len(read_yaml(tmp_path, "a.yaml").value) == 3000


def test_refuses_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    for name in ("folder.yaml", "pipe.yaml", "absent.yaml", "nul\0.yaml", f"{'x' * 5000}.yaml"):
        assert read_problem(tmp_path, name) == ("not-readable", None, None)


def test_follows_links_inside_the_repository_only(tmp_path: Path) -> None:
    root = tmp_path / "fleet"
    outside = tmp_path / "fleet-of-another"
    for folder in (root / "apps", outside):
        folder.mkdir(parents=True)
        (folder / "a.yaml").write_text("a: 1\n")
    (root / "inside.yaml").symlink_to("apps/a.yaml")
    (root / "outside.yaml").symlink_to(outside / "a.yaml")
    (root / "folder").symlink_to(outside)
    (root / "loop.yaml").symlink_to("loop.yaml")
    assert read_yaml(root, "inside.yaml").value == {"a": 1}
    for name in ("outside.yaml", "folder/a.yaml", "../fleet-of-another/a.yaml"):
        assert read_problem(root, name) == ("symlink-outside", None, None)
    assert read_problem(root, "loop.yaml") == ("not-readable", None, None)


def test_the_root_itself_may_be_a_link_or_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.yaml").write_text("a: 1\n")
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    for root in (tmp_path / "link", Path("real"), Path("link"), Path()):
        name = "a.yaml" if root.name else "real/a.yaml"
        assert read_yaml(root, name).value == {"a": 1}

"""The stand-in for source-controller reads ranges and ignore patterns as the real one does."""

import pytest

from fluxapps.devcluster.flux.source.ignore import Ignore
from fluxapps.devcluster.flux.source.versions import Range, Version, newest

# Range, what is in it, what isn't.
RANGES = [
    ("*", "0.0.1 1.2.3 9.9.9", "1.0.0-rc.1"),
    ("", "0.0.1 9.9.9", "1.0.0-rc.1"),
    ("1.2.3", "1.2.3 v1.2.3 1.2.3+build", "1.2.4 1.2.3-rc.1"),
    ("6.x", "6.0.0 6.9.4", "5.9.9 7.0.0 6.1.0-rc.1"),
    ("6.X", "6.0.0 6.9.4", "7.0.0"),
    ("6.*", "6.0.0 6.9.4", "7.0.0"),
    ("6", "6.0.0 6.9.4", "7.0.0"),
    ("1.6.x", "1.6.0 1.6.12", "1.5.9 1.7.0"),
    ("v1.18.x", "1.18.3 v1.18.0", "1.19.0"),
    ("^1.2", "1.2.0 1.9.0", "1.1.9 2.0.0"),
    ("^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0"),
    ("^0.2.3", "0.2.3 0.2.9", "0.3.0 1.0.0 0.2.2"),
    ("^0.0.3", "0.0.3", "0.0.4 0.1.0"),
    ("^0.0", "0.0.0 0.0.9", "0.1.0"),
    ("^0", "0.0.0 0.9.9", "1.0.0"),
    ("~1.2", "1.2.0 1.2.9", "1.3.0 1.1.9"),
    ("~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2"),
    ("~1", "1.0.0 1.9.9", "2.0.0"),
    ("~>1.2.3", "1.2.9", "1.3.0"),
    (">=1 <2", "1.0.0 1.9.9", "0.9.9 2.0.0"),
    (">= 1.2, < 3.0.0", "1.2.0 2.9.9", "1.1.9 3.0.0"),
    ("1.2 - 3", "1.2.0 3.0.0 3.9.9", "1.1.9 4.0.0"),
    ("1.2.0 - 3.4.5", "1.2.0 3.4.5", "3.4.6"),
    ("1.x || >=3.1", "1.5.0 3.1.0 9.0.0", "2.0.0 3.0.9"),
    (">11", "12.0.0", "11.1.0 11.0.0"),
    (">11.1", "11.2.0 12.0.0", "11.1.1"),
    (">1.2.3", "1.2.4", "1.2.3"),
    ("<=11", "11.9.9 10.0.0", "12.0.0"),
    ("<=11.1", "11.1.9", "11.2.0"),
    ("!=1.2.3", "1.2.4", "1.2.3"),
    ("!=1.x", "2.0.0", "1.2.3"),
    (">=1.0.0-0", "1.0.0-rc.1 1.0.0 2.0.0-beta", "0.9.9"),
    ("1.0.0-rc.1", "1.0.0-rc.1", "1.0.0 1.0.0-rc.2"),
    ("=1.2.3", "1.2.3", "1.2.2"),
]


@pytest.mark.parametrize(("text", "inside", "outside"), RANGES, ids=[text for text, _, _ in RANGES])
def test_ranges(text: str, inside: str, outside: str) -> None:
    allowed = Range(text)
    assert [version for version in inside.split() if not allowed.has(Version.parse(version))] == []
    assert [version for version in outside.split() if allowed.has(Version.parse(version))] == []


@pytest.mark.parametrize("text", ["latest", ">=", "1.2.3.4", "1 2 x y", "a - b", "1.2.3; 4"])
def test_refuses_what_is_no_range(text: str) -> None:
    with pytest.raises(ValueError, match="improper constraint"):
        Range(text)


def test_newest() -> None:
    texts = ["6.9.9", "6.10.0", "6.10.0-rc.1", "7.0.0-rc.1", "no version", "5.0.0"]
    assert newest(texts, "6.x") == "6.10.0"
    assert newest(texts, "") == "6.10.0"
    assert newest(texts, ">=7.0.0-0") == "7.0.0-rc.1"
    assert newest(texts, "8.x") is None
    ordered = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
    ]
    assert sorted(set(ordered), key=lambda text: Version.parse(text).key) == ordered


STACK = """
apps/**/app.yaml
apps/**/values.yaml
apps/**/values.*.yaml
apps/**/values-*.yaml
apps/**/stacks/*/
!apps/**/stacks/dev/
**/.sops.yaml
"""


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("apps/podinfo/app.yaml", True),
        ("apps/group/podinfo/values.yaml", True),
        ("apps/podinfo/values.prod.yaml", True),
        ("apps/podinfo/values-operator.yaml", True),
        ("apps/podinfo/ingress.yaml", False),
        ("apps/podinfo/stacks/dev/ingress.yaml", False),
        ("apps/podinfo/stacks/prod/ingress.yaml", True),
        ("apps/podinfo/stacks/prod/deep/ingress.yaml", True),
        ("apps/app.yaml", True),
        ("bootstrap/values.yaml", False),
        ("deep/.sops.yaml", True),
        (".sops.yaml", True),
        (".gitignore", True),
        ("picture.png", False),
    ],
)
def test_what_a_stack_takes_away(path: str, *, left_out: bool) -> None:
    assert Ignore(STACK).leaves_out(path, is_folder=False) is left_out


def test_the_default_list_counts_until_something_is_said() -> None:
    usual = Ignore(None)
    assert usual.leaves_out("docs/picture.png", is_folder=False)
    assert usual.leaves_out(".github/workflows/ci.yaml", is_folder=False)
    assert usual.leaves_out("apps/.flux.yaml", is_folder=False)
    assert not usual.leaves_out("apps/x.yaml", is_folder=False)
    said = Ignore(None, [("apps", "/secret.yaml\n# a comment\n")])
    assert not said.leaves_out("docs/picture.png", is_folder=False)
    assert said.leaves_out("apps/secret.yaml", is_folder=False)
    assert not said.leaves_out("apps/deep/secret.yaml", is_folder=False)
    assert not said.leaves_out("secret.yaml", is_folder=False)


def test_everything_but() -> None:
    only = Ignore("/*\n!/deploy/\n")
    assert only.leaves_out("apps/x.yaml", is_folder=False)
    assert not only.leaves_out("deploy/x.yaml", is_folder=False)
    assert not only.leaves_out("deploy", is_folder=True)
    folders = Ignore("build/\nlogs/**\n[ab]?.txt\n\\!kept")
    assert not folders.leaves_out("build", is_folder=False)
    assert folders.leaves_out("build", is_folder=True)
    assert folders.leaves_out("logs/x", is_folder=False)
    assert not folders.leaves_out("logs", is_folder=True)
    assert folders.leaves_out("deep/a1.txt", is_folder=False)
    assert not folders.leaves_out("c1.txt", is_folder=False)
    assert folders.leaves_out("!kept", is_folder=False)

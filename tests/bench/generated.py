"""A repository of any number of apps, made up: the input of the benchmarks.

As in a real one: a namespace for every app, one repository for ten of them, each third app depends on the one before,
values of twenty leaves, two stacks that lay a values file over some.
"""

from pathlib import Path

LEAVES = 20


def write_repository(root: Path, apps: int) -> None:
    """Write a repository of *apps* apps to *root*, an empty folder."""
    (root / "Pulumi.yaml").write_text("name: bench\nruntime: python\n")
    git = "git: {url: https://example.org/fleet.git, branch: main}"
    for stack, delivery in (("dev", "apply"), ("prod", "git")):
        cluster = f"context: {stack}\n    delivery: {delivery}\n    {git}"
        (root / f"Pulumi.{stack}.yaml").write_text(f"config:\n  bench:cluster:\n    {cluster}\n")
    lines = ["repositories:"]
    lines += [f"  repository-{number}: https://charts.example.org/{number}" for number in range(-(-apps // 10))]
    (root / "fleet.yaml").write_text("\n".join(lines) + "\n")
    for number in range(apps):
        _write_app(root / "apps" / name(number), number)


def name(number: int) -> str:
    """Return the name of the app of this *number*."""
    return f"app-{number:05}"


def _write_app(folder: Path, number: int) -> None:
    folder.mkdir(parents=True)
    lines = [f"chart: chart-{number % 40}", f"repository: repository-{number // 10}", f"version: {number % 9}.x"]
    if number % 3 == 2:
        lines.append(f"dependsOn: [{name(number - 1)}]")
    (folder / "app.yaml").write_text("\n".join(lines) + "\n")
    (folder / "values.yaml").write_text(values(number))


def values(number: int) -> str:
    """Return values of twenty leaves, as people write them."""
    host = f"{name(number)}.example.org"
    return f"""\
replicaCount: {1 + number % 3}
image:
  repository: registry.example.org/team/{name(number)}
  tag: "1.{number % 50}.0"
  pullPolicy: IfNotPresent
# Reached from outside
ingress:
  enabled: true
  className: nginx
  hosts:
    - host: {host}
      path: /
  tls:
    - secretName: {name(number)}-tls
      host: {host}
resources:
  requests:
    cpu: 100m
    memory: {64 + number % 64}Mi
  limits:
    memory: 256Mi
persistence:
  enabled: {"true" if number % 2 else "false"}
  size: {1 + number % 9}Gi
env:
  LOG_LEVEL: info
  PUBLIC_URL: https://{host}/
service:
  port: {8000 + number % 1000}
"""

"""A table of what a stack has in its cluster, an app a line."""

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fluxapps.cli.screen import counted, harmless
from fluxapps.engine.cluster import Cluster, collection_path, in_parallel
from fluxapps.model import Fleet, declare
from fluxapps.model.declare.names import APP_LABEL, STACK_LABEL, stack_label
from fluxapps.model.live.condition import ready_condition

Live = dict[str, Any]


def print_live(console: Console, cluster: Cluster, fleet: Fleet) -> None:
    """Print what carries the mark of *fleet*'s stack in *cluster*.

    Raises:
        ClusterError: The cluster can't be read.
    """
    found = live_objects(cluster, fleet)
    table = Table(box=box.SIMPLE_HEAD, title=f"Stack {fleet.stack} in {cluster.server}", title_justify="left")
    for column in ("App", "HelmRelease", "Chart", "Values", "Ready"):
        table.add_column(column, overflow="fold")
    apps: dict[str, list[Live]] = {}
    for one in found:
        if (app := one["metadata"]["labels"].get(APP_LABEL)) is not None:
            apps.setdefault(app, []).append(one)
    for app, objects in sorted(apps.items()):
        _add_app(table, app, objects)
    console.print()
    console.print(table)
    kinds = [one["kind"] for one in found]
    counts = [
        counted(kinds.count(kind), kind, f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s")
        for kind in dict.fromkeys(kinds)
    ]
    console.print(f"{counted(len(apps), 'app')}: {', '.join(counts) or 'nothing'}")


def live_objects(cluster: Cluster, fleet: Fleet) -> list[Live]:
    """Return the objects with the mark of *fleet*'s stack, of every kind that it declares, sorted by kind and name."""
    kinds = sorted({(one.manifest["apiVersion"], one.id.kind) for one in declare(fleet).for_pulumi().objects()})
    selector = f"{STACK_LABEL}={stack_label(fleet.project, fleet.stack)}"
    lists = in_parallel(lambda kind: cluster.get(collection_path(*kind), labelSelector=selector), kinds)
    return [
        {"kind": kind, **item}
        for (_, kind), listed in zip(kinds, lists, strict=True)
        for item in (listed or {}).get("items") or ()
    ]


def _add_app(table: Table, app: str, objects: list[Live]) -> None:
    releases = [one for one in objects if one["kind"] == "HelmRelease"]
    kustomization = next((one for one in objects if one["kind"] == "Kustomization"), None)
    values = {
        one["metadata"]["namespace"] + "/" + one["metadata"]["name"] for one in objects if one["kind"] == "ConfigMap"
    }
    if not releases:
        # Plain YAML: its Kustomization is all there is of it here, Flux applies the rest.
        table.add_row(harmless(app), "-", "-", "-", _ready([kustomization] if kustomization else []))
    for index, release in enumerate(releases):
        namespace = release["metadata"]["namespace"]
        mine = [f"{namespace}/{one['name']}" for one in release["spec"].get("valuesFrom", ())]
        ours = [name.rpartition("-")[2] for name in mine if name in values]
        table.add_row(
            harmless(app) if index == 0 else "",
            f"{namespace}/{release['metadata']['name']}",
            _chart(release),
            ", ".join(ours) or "-",
            _ready([release] + ([kustomization] if kustomization and index == 0 else [])),
        )


def _chart(release: Live) -> str:
    """Return the chart and its version, or the source that names both."""
    if (reference := release["spec"].get("chartRef")) is not None:
        return f"{reference['kind']} {reference['name']}"
    chart = release["spec"]["chart"]["spec"]
    return f"{chart['chart']} {chart.get('version', '')}".strip()


def _ready(objects: list[Live]) -> Text:
    """Return what Flux says of *objects*: the worst of it; a dash where no controller has looked at one yet."""
    said = [ready_condition(one) for one in objects]
    if not said or None in said:
        return Text("-", "dim")
    ready = all(one is not None and one["status"] == "True" for one in said)
    return Text("yes", "green") if ready else Text("no", "red")

"""What `up`, an `up` without a change, and `destroy` take, ours and theirs, by numbers of apps."""

import time
from collections.abc import Iterator
from datetime import datetime

from kubernetes import client, config

from fluxapps.devcluster import Cluster
from fluxapps.devcluster.standins.session import PROVIDER
from tests.bench.deployment import Deployer, Took, deployer
from tests.bench.measurements import Bench
from tests.bench.rows import Row, at_most, counted, faster, within
from tests.engine.fleet import Fleet, tools

SIZES = (10, 100, 500)
TURNS = {10: 4, 100: 2}
"""How often so many apps are deployed in each way, by turns, of which the best counts; others once. Plain pulumi with
its defaults is run in the first turn only: it takes several times as long, more than a second try would change."""
PLAIN_UP_TO = 100
"""Numbers of apps that plain pulumi with its defaults is run with, unless all is asked for: it writes its whole state
twice an object."""
VERBS = ("up", "no-change up", "destroy")
HUNDRED = 100
WITH_DEFAULTS = {"up": 4.0, "destroy": 2.5}
WITH_STANDIN = {"up": 2.0, "destroy": 1.5}
"""At a hundred apps, how many times as fast `fluxapps` is at least as plain pulumi with its defaults. A stand-in of the
provider is slower than the provider itself, on the same cores, and the same for both."""
SAME_SETTINGS = 1.15
READY_WITHIN = 3.0
READY_APPS = 10
RELEASE = ("helm.toolkit.fluxcd.io", "v2")

Lives = dict[str, tuple[Took, ...]]
"""By way: what each of `VERBS` took."""


def lifecycle_rows(bench: Bench, sizes: tuple[int, ...] = SIZES, *, everything: bool = False) -> Iterator[Row]:
    """Yield a row for each comparison, once it is measured.

    Args:
        bench: Where, and who is told.
        sizes: Numbers of apps.
        everything: Also what takes very long.
    """
    with deployer(bench.folder) as deploying:
        by_size: dict[int, Lives] = {}
        for apps in sizes:
            lives: Lives = {}
            by_size[apps] = lives
            ways = deploying.ways(apps)
            if apps > PLAIN_UP_TO and not everything:
                del ways["plain"]
            turns = TURNS.get(apps, 1)
            for turn in range(turns):
                for name, way in ways.items():
                    if name == "plain" and turn > 0:
                        continue
                    bench.say(f"up, up again, and destroy of {apps} apps, {name}: {turn + 1} of {turns}")
                    took = deploying.life(way)
                    lives[name] = tuple(map(_better, lives.get(name, took), took))
            yield from _rows_of_size(apps, lives, deploying)
        yield from _linear(by_size)
    yield _ready(bench)


def _rows_of_size(apps: int, lives: Lives, deploying: Deployer) -> Iterator[Row]:
    least = WITH_STANDIN if PROVIDER in deploying.standins else WITH_DEFAULTS
    for number, verb in enumerate(VERBS):
        took = {name: life[number] for name, life in lives.items()}
        ours, same, bare, kubectl = (took[name] for name in ("fluxapps", "ours", "bare", "kubectl"))
        what = f"{verb}, {apps} apps"
        if plain := took.get("plain"):
            against = f"{what}: `fluxapps`, against a bare program and `pulumi` with its defaults"
            if apps == HUNDRED and verb in least:
                yield faster(against, ours.seconds, plain.seconds, least[verb])
            else:
                yield at_most(against, ours.seconds, plain.seconds, None)
        yield at_most(
            f"{what}: our program, against the bare one, same settings", same.seconds, bare.seconds, SAME_SETTINGS
        )
        yield at_most(f"{what}: `fluxapps`, against `kubectl`", ours.seconds, kubectl.seconds, None)
        for name, theirs in (("the bare program", bare), ("`kubectl`", kubectl)):
            yield counted(f"{what}: requests of `fluxapps`, against {name}", ours.requests, theirs.requests)


def _better(one: Took, other: Took) -> Took:
    return min(one, other, key=lambda took: took.seconds)


def _linear(by_size: dict[int, Lives]) -> Iterator[Row]:
    """Yield how much each further app adds to an `up` without a change, among many apps and among few."""
    if len(by_size) < 3:
        return
    few, some, many = sorted(by_size)
    took = {apps: lives["fluxapps"][1].seconds for apps, lives in by_size.items()}
    first = (took[some] - took[few]) / (some - few) * 1e3
    second = (took[many] - took[some]) / (many - some) * 1e3
    what = f"no-change up: each app from {some} to {many}, against each from {few} to {some}"
    yield at_most(what, second, first, 1.3, unit="ms")


def _ready(bench: Bench) -> Row:
    """Return how long after the last object's Ready an `up` with `wait: ready` ends: the longest of three."""
    bench.say("up with `wait: ready`, on a cluster that Flux is alive on")
    folder = bench.folder / "ready"
    with (
        Cluster(folder / "cluster", flux=True, say=bench.say) as cluster,
        tools(folder / "pulumi") as found,
    ):
        late = [_late(Fleet(folder / f"{number}", "fluxapps", found, cluster, f"s{number}")) for number in range(3)]
    return within("`up` with `wait: ready`: its end, after the last object's Ready", max(late), READY_WITHIN, "s")


def _late(fleet: Fleet) -> float:
    apps = [
        fleet.app(f"a{number}", {"replicaCount": 1}, chart="podinfo", version="6.x") for number in range(READY_APPS)
    ]
    fleet.stack_says(wait="ready")
    fleet.up()
    ended = time.time()
    settings = client.Configuration()
    config.load_kube_config(str(fleet.cluster.kubeconfig), context=fleet.cluster.context, client_configuration=settings)
    with client.ApiClient(settings) as connection:
        objects = client.CustomObjectsApi(connection)
        since = [
            datetime.fromisoformat(condition["lastTransitionTime"]).timestamp()
            for app in apps
            for condition in objects.get_namespaced_custom_object(*RELEASE, app, "helmreleases", app)["status"][
                "conditions"
            ]
            if condition["type"] == "Ready"
        ]
    # Kubernetes counts whole seconds: what is found is up to one too long.
    return ended - max(since)

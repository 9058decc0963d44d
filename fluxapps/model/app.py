"""What ``apps/<app>/app.yaml`` may say; ``defaults`` and a stack's ``apps.<app>`` say the same fields."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from fluxapps.model.strict import DnsLabel, Fields, Strict


class Tries(Strict):
    """Waiting that grants failed tries."""

    tries: Annotated[int, Field(ge=1)]
    """So many failed installations or upgrades of a release are no failure yet, where Flux tries again."""


def _shape(said: Any) -> str:
    return "map" if isinstance(said, (dict, Tries)) else "word"


Wait = Annotated[Annotated[Literal["none", "ready"], Tag("word")] | Annotated[Tries, Tag("map")], Discriminator(_shape)]
"""Whether ``up`` waits; told apart by its shape, so that a fault is one of a word or of a map, not of both."""


RELEASE_PLACE = "{release}"
"""Stands for a HelmRelease's name."""

ValuesName = Annotated[
    str,
    StringConstraints(
        pattern=r"^([a-z0-9]|\{release\})(([-a-z0-9]|\{release\})*([a-z0-9]|\{release\}))?$", max_length=63
    ),
]
"""A name, or one made of the release's."""


class ReleaseFields(Strict):
    """Fields of one Helm release; in an app of several, each has them, and the app's own are what they share."""

    namespace: DnsLabel | None = None
    """Namespace of the HelmRelease. Default: the app's name; none for an app of plain YAML."""
    chart: str | None = None
    """Name of the chart in its repository; for a chart in a GitRepository its path, ``./charts/app``."""
    repository: str | None = None
    """Where the chart is: a name under ``repositories`` in fleet.yaml."""
    version: str | None = None
    """Version or range of the chart, in quotes where YAML would read a number: ``6.x``, ``"1.10"``."""
    depends_on: list[str] | None = None
    """Apps that must be ready first; a release of an app as ``<app>/<release>``."""
    values_in: Literal["configMap", "inline"] | None = None
    """Where the chart's values travel: in a ConfigMap (default), or in the HelmRelease itself."""
    values: Fields | None = None
    """The chart's values, instead of a values.yaml beside app.yaml."""
    values_from: list[Fields] | None = None
    """More values, from Secrets or ConfigMaps in the cluster, as Flux spells ``valuesFrom``; they win over ours."""
    values_name: ValuesName | None = None
    """A literal name for the values ConfigMap, in which ``{release}`` stands for the HelmRelease's; it is then changed
    in place. Default: a new name for each content."""
    release: Fields | None = None
    """Any field of a HelmRelease's spec as Flux spells it; ``metadata: {name, labels, annotations}``: its own."""
    allow_reinstall: bool | None = None
    """``true``: a change of what Helm can't change in place (a release's name, namespace, chart) may uninstall the
    release and install it anew. Default: ``preview`` and ``up`` refuse it."""


class AppFields(ReleaseFields):
    """Fields of an app."""

    name: DnsLabel | None = None
    """The app's name. Default: its folder's."""
    enabled: bool | None = None
    """``false``: not on this cluster. Default: true."""
    kustomization: Fields | None = None
    """Any field of a Kustomization's spec as Flux spells it; ``metadata: {name, namespace, labels, annotations}``: its
    own."""
    releases: dict[DnsLabel, ReleaseFields | None] | None = None
    """Several releases in one app; the key is the HelmRelease's name."""
    wait: Wait | None = None
    """``ready``: ``up`` waits until the app is Ready, and fails at once when it can't get so; ``{tries: n}``: the same,
    and n failed tries of a release are granted where Flux tries again (RetryOnFailure). Default: none."""
    substitute_values: bool | None = None
    """``true``: Flux's postBuild substitutes in what we render too (git delivery). Default: false."""


class Defaults(AppFields):
    """What apps have in common."""

    preset: Literal["recommended", "none"] | None = None
    """``none``: nothing is declared but what the files say. Default: our recommended settings."""
    source: Fields | None = None
    """What sources of charts have in common: any field of ``repositories``."""

"""Small Flux repositories of every layout, for tests of importing."""

GIT = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: flux-system
  namespace: flux-system
spec:
  interval: 1m0s
  ref:
    branch: main
  secretRef:
    name: flux-system
  url: ssh://git@example.org/fleet
"""


def kustomization(name: str, path: str, *lines: str, namespace: str = "flux-system") -> str:
    """Return a Flux Kustomization."""
    more = "".join(f"  {line}\n" for line in lines)
    return f"""\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {name}
  namespace: {namespace}
spec:
  interval: 10m0s
  path: {path}
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
{more}"""


def release(name: str, namespace: str = "", *lines: str, repository: str = "podinfo") -> str:
    """Return a HelmRelease; without a namespace where it says none."""
    more = "".join(f"  {line}\n" for line in lines)
    place = f"  namespace: {namespace}\n" if namespace else ""
    return f"""\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: {name}
{place}spec:
  interval: 15m
  chart:
    spec:
      chart: {name}
      version: 6.x # renovate: chart
      sourceRef:
        kind: HelmRepository
        name: {repository}
        namespace: flux-system
{more}"""


def values(name: str, namespace: str, text: str = "replicas: 2 # two\n") -> str:
    """Return a ConfigMap of values, as the Geek Cookbook calls them."""
    inner = "".join(f"    {line}\n" for line in text.splitlines())
    return f"""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}-helm-chart-value-overrides
  namespace: {namespace}
data:
  values.yaml: |
{inner}"""


def values_from(name: str) -> tuple[str, ...]:
    """Return the lines of a HelmRelease that name those values."""
    return (
        "valuesFrom:",
        "  - kind: ConfigMap",
        f"    name: {name}-helm-chart-value-overrides",
        "    valuesKey: values.yaml",
    )


def namespace(name: str) -> str:
    """Return a Namespace."""
    return f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n"


def helm_repository(name: str = "podinfo", space: str = "flux-system") -> str:
    """Return a HelmRepository."""
    return f"""\
apiVersion: source.toolkit.fluxcd.io/v1beta2
kind: HelmRepository
metadata:
  name: {name}
  namespace: {space}
spec:
  interval: 15m
  url: https://charts.example.org/{name}
"""


def config_map(name: str, space: str = "", value: str = "x") -> str:
    """Return a ConfigMap that is no values."""
    place = f"  namespace: {space}\n" if space else ""
    return (
        f"# kept as it is\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n{place}data:\n  key: {value}\n"
    )


def in_app_namespace(text: str) -> str:
    """Return a Flux Kustomization that its kustomization.yaml puts into a namespace, with its source where it was."""
    text = text.replace("  namespace: flux-system\n", "")
    return text.replace("    name: flux-system\n", "    name: flux-system\n    namespace: flux-system\n")


SEED = {
    "bootstrap/flux-system/gotk-sync.yaml": GIT + "---\n" + kustomization("flux-system", "./bootstrap"),
    "bootstrap/namespaces/a.yaml": "---\n".join(namespace(name) for name in ("podinfo", "media")),
    "bootstrap/helmrepositories/podinfo.yaml": helm_repository(),
    "bootstrap/kustomizations/podinfo.yaml": kustomization("podinfo", "./podinfo", "timeout: 2m"),
    "bootstrap/kustomizations/media.yaml": kustomization("media", "./media", "dependsOn: [{name: podinfo}]"),
    "podinfo/release.yaml": release("podinfo", "podinfo", *values_from("podinfo")),
    "podinfo/values.yaml": values("podinfo", "podinfo"),
    "podinfo/other.yaml": config_map("banner", "podinfo"),
    "media/releases.yml": release("radarr", "media", "values:", "  # how many", "  replicas: 1")
    + "---\n"
    + release("sonarr", "media", *values_from("sonarr"), "dependsOn: [{name: radarr}]"),
    "media/values.yaml": values("sonarr", "media"),
    "samples/unused.yaml": config_map("unused", "media"),
}
"""The seed's: bootstrap, and a folder for each app."""

NAMESPACED = {
    "kubernetes/flux/cluster/ks.yaml": kustomization(
        "cluster-apps",
        "./kubernetes/apps",
        "patches:",
        "  - patch: |",
        "      apiVersion: kustomize.toolkit.fluxcd.io/v1",
        "      kind: Kustomization",
        "      metadata:",
        "        name: all",
        "      spec:",
        "        retryInterval: 2m",
        "    target:",
        "      group: kustomize.toolkit.fluxcd.io",
        "      kind: Kustomization",
    ),
    "kubernetes/components/alerts/kustomization.yaml": (
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [alert.yaml]\n"
    ),
    "kubernetes/components/alerts/alert.yaml": config_map("alert"),
    "kubernetes/apps/media/kustomization.yaml": (
        "namespace: media\ncomponents: [../../components/alerts]\n"
        "resources: [namespace.yaml, ./echo/ks.yaml, ./plex/ks.yaml]\n"
    ),
    "kubernetes/apps/media/namespace.yaml": (
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: not-used\n  labels: {team: media}\n"
    ),
    "kubernetes/apps/media/echo/ks.yaml": in_app_namespace(
        kustomization(
            "echo", "./kubernetes/apps/media/echo/app", "targetNamespace: media", "postBuild: {substitute: {APP: echo}}"
        )
    ),
    "kubernetes/apps/media/echo/app/kustomization.yaml": (
        "resources: [helmrelease.yaml, ocirepository.yaml, pvc.yaml]\n"
    ),
    "kubernetes/apps/media/echo/app/helmrelease.yaml": """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: echo
spec:
  interval: 1h
  chartRef:
    kind: OCIRepository
    name: echo
  values:
    # who it is
    name: ${APP}
    hosts: [a, b]
""",
    "kubernetes/apps/media/echo/app/ocirepository.yaml": """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata:
  name: echo
spec:
  interval: 15m
  url: oci://registry.example.org/charts/app-template
  ref:
    tag: 4.0.0
""",
    "kubernetes/apps/media/echo/app/pvc.yaml": config_map("${APP}-volume"),
    "kubernetes/apps/media/plex/ks.yaml": in_app_namespace(kustomization("plex", "./kubernetes/apps/media/plex/app")),
    "kubernetes/apps/media/plex/app/kustomization.yaml": (
        "namespace: media\nresources: [helmrelease.yaml, claim.yaml]\n"
        "configMapGenerator: [{name: plex-values, files: [values.yaml=helm-values.yaml]}]\n"
        "configurations: [kustomizeconfig.yaml]\n"
    ),
    "kubernetes/apps/media/plex/app/kustomizeconfig.yaml": (
        "nameReference:\n  - kind: ConfigMap\n    version: v1\n    fieldSpecs:\n"
        "      - path: spec/valuesFrom/name\n        kind: HelmRelease\n"
    ),
    "kubernetes/apps/media/plex/app/helm-values.yaml": "# of plex\nreplicas: 1\n",
    "kubernetes/apps/media/plex/app/helmrelease.yaml": release(
        "plex", "", "valuesFrom: [{kind: ConfigMap, name: plex-values}]", repository="plex"
    ),
    "kubernetes/apps/media/plex/app/claim.yaml": config_map("claim"),
    "kubernetes/apps/flux-system/kustomization.yaml": "resources: [repositories.yaml]\n",
    "kubernetes/apps/flux-system/repositories.yaml": helm_repository("plex"),
}
"""``apps/<namespace>/<app>/ks.yaml`` with ``app/helmrelease.yaml`` beneath."""

_PATCH = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: podinfo
  namespace: podinfo
spec:
  chart:
    spec:
      version: "{version}"
  values:
    host: podinfo.{stack}
"""

OVERLAYS = {
    "apps/base/podinfo/kustomization.yaml": "namespace: podinfo\nresources: [namespace.yaml, release.yaml]\n",
    "apps/base/podinfo/namespace.yaml": namespace("podinfo"),
    "apps/base/podinfo/release.yaml": release("podinfo", "", "values:", "  # for all", "  redis: true"),
    "infrastructure/sources.yaml": helm_repository(),
    **{
        path: text
        for stack, version in (("production", ">=1.0.0"), ("staging", ">=1.0.0-alpha"))
        for path, text in {
            f"apps/{stack}/kustomization.yaml": (
                "resources: [../base/podinfo, extra.yaml]\npatches: [{path: podinfo-values.yaml}]\n"
            ),
            f"apps/{stack}/podinfo-values.yaml": _PATCH.format(version=version, stack=stack),
            f"apps/{stack}/extra.yaml": config_map("extra", "podinfo", stack),
            f"clusters/{stack}/apps.yaml": kustomization("apps", f"./apps/{stack}", "dependsOn: [{name: infra}]"),
            f"clusters/{stack}/infrastructure.yaml": kustomization("infra", "./infrastructure"),
        }.items()
    },
}
"""Bases and overlays, two clusters over shared folders."""

ONE_FOR_ALL = {
    "cluster/flux-system/gotk-sync.yaml": GIT + "---\n" + kustomization("flux-system", "./cluster"),
    "cluster/sources.yaml": helm_repository(),
    "cluster/podinfo/all.yaml": "---\n".join(
        (namespace("podinfo"), release("podinfo", "podinfo", *values_from("podinfo")), values("podinfo", "podinfo"))
    ),
    "cluster/podinfo/banner.yaml": config_map("banner", "podinfo"),
    "cluster/web/web.yaml": "---\n".join((namespace("web"), release("web", "web", "values: {a: 1}"))),
    "cluster/settings.yaml": config_map("settings", "flux-system"),
}
"""One Kustomization for all: the root's."""

APPS_IN_ONE = {
    "flux/flux-system/gotk-sync.yaml": GIT + "---\n" + kustomization("flux-system", "./flux"),
    "flux/sources.yaml": helm_repository(),
    "flux/apps.yaml": kustomization("apps", "./apps"),
    "apps/a/release.yaml": namespace("a") + "---\n" + release("postgres", "a", "releaseName: a"),
    "apps/b/release.yaml": namespace("b") + "---\n" + release("postgres", "b", "releaseName: b"),
    "apps/shared.yaml": config_map("shared", "a"),
}
"""All apps below one Kustomization, two of them with one name."""

LAYOUTS = {
    "seed": SEED,
    "namespaced": NAMESPACED,
    "overlays": OVERLAYS,
    "one-for-all": ONE_FOR_ALL,
    "apps-in-one": APPS_IN_ONE,
}

"""What is built of a folder without kustomize is what kustomize builds of it."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from fluxapps.devcluster.programs import find
from fluxapps.importing.kustomize.build import Builder
from fluxapps.importing.original import read_original
from tests.unit.cli_run import write
from tests.unit.import_layouts import NAMESPACED, OVERLAYS, config_map, release

pytestmark = pytest.mark.engine

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      containers:
        - name: web
          image: registry.example.org/web:1.0
          env: [{name: A, value: a}, {name: B, value: b}]
          envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: keys}}]
        - {name: sidecar, image: sidecar}
      volumes:
        - {name: data, emptyDir: {}}
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: web}
subjects: [{kind: ServiceAccount, name: web, namespace: other}, {kind: ServiceAccount, name: default}]
"""
PATCH = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  template:
    spec:
      containers:
        - name: web
          env: [{name: B, value: other}, {name: C, value: c}]
        - {name: sidecar, $patch: delete}
      volumes: null
"""
RELEASE_PATCH = """\
- op: add
  path: /spec/values/list/-
  value: c
- op: replace
  path: /spec/chart/spec/version
  value: 7.x
- op: remove
  path: /spec/values/gone
"""
WEB = {"deployment.yaml": DEPLOYMENT, "service.yaml": SERVICE}
CASES: dict[str, tuple[str, dict[str, str]]] = {
    "resources of several folders": (
        ".",
        {
            "kustomization.yaml": "resources: [a, b.yaml]\n",
            "a/kustomization.yaml": "resources: [a.yaml]\nnamespace: a\n",
            "a/a.yaml": config_map("a") + "---\n" + config_map("c", "x"),
            "b.yaml": config_map("b"),
        },
    ),
    "a namespace over all": (
        ".",
        {
            "kustomization.yaml": "namespace: web\nresources: [all.yaml]\n",
            "all.yaml": "---\n".join(
                (
                    "apiVersion: v1\nkind: Namespace\nmetadata: {name: not-used}\n",
                    BINDING,
                    "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\n",
                    "apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {name: ca}\n",
                    release("podinfo", "elsewhere"),
                )
            ),
        },
    ),
    "labels, annotations, images and replicas": (
        ".",
        {
            **WEB,
            "kustomization.yaml": (
                "resources: [deployment.yaml, service.yaml]\n"
                "commonAnnotations: {by: me}\n"
                "labels: [{pairs: {team: a}, includeSelectors: true}, {pairs: {tier: b}, includeTemplates: true}]\n"
                "images: [{name: registry.example.org/web, newTag: '2.0'}, {name: sidecar, newName: other/sidecar}]\n"
                "replicas: [{name: web, count: 4}]\n"
            ),
        },
    ),
    "common labels": (
        ".",
        {**WEB, "kustomization.yaml": "resources: [deployment.yaml, service.yaml]\ncommonLabels: {team: a}\n"},
    ),
    "strategic merge patches": (
        ".",
        {
            **WEB,
            "patch.yaml": PATCH,
            "kustomization.yaml": "resources: [deployment.yaml, service.yaml]\npatches: [{path: patch.yaml}]\n",
        },
    ),
    "JSON patches": (
        ".",
        {
            "release.yaml": release("podinfo", "podinfo", "values:", "  list: [a, b]", "  gone: true"),
            "patch.yaml": RELEASE_PATCH,
            "kustomization.yaml": (
                "resources: [release.yaml]\npatches: [{path: patch.yaml, target: {kind: HelmRelease, name: pod.*}}]\n"
            ),
        },
    ),
    "a patch for all of a kind": (
        ".",
        {
            "all.yaml": release("a", "a", "values: {list: [a], keep: 1}") + "---\n" + release("b", "b"),
            "kustomization.yaml": (
                "resources: [all.yaml]\n"
                "patches:\n"
                "  - target: {kind: HelmRelease, labelSelector: '!skipped'}\n"
                "    patch: |\n"
                "      apiVersion: helm.toolkit.fluxcd.io/v2\n"
                "      kind: HelmRelease\n"
                "      metadata: {name: any, labels: {patched: 'yes'}}\n"
                "      spec: {values: {list: [b, c]}, install: {crds: Skip}}\n"
            ),
        },
    ),
    "generated objects, and who names them": (
        ".",
        {
            **WEB,
            "settings.properties": "a=1\n",
            "keys.env": "# none\nTOKEN=x\n",
            "kustomization.yaml": (
                "namespace: web\n"
                "resources: [deployment.yaml]\n"
                "configMapGenerator: [{name: settings, files: [settings.properties], literals: [b=<2>]}]\n"
                "secretGenerator: [{name: keys, envs: [keys.env]}]\n"
            ),
        },
    ),
    "generated objects without a hash": (
        ".",
        {
            "settings.properties": "a=1\n",
            "kustomization.yaml": (
                "generatorOptions: {disableNameSuffixHash: true, labels: {made: 'yes'}}\n"
                "configMapGenerator: [{name: settings, namespace: web, files: [key=settings.properties]}]\n"
            ),
        },
    ),
    "components": (
        "overlay",
        {
            "base/kustomization.yaml": "resources: [a.yaml]\n",
            "base/a.yaml": config_map("a"),
            "part/kustomization.yaml": (
                "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [b.yaml]\n"
                "patches:\n  - target: {kind: ConfigMap}\n    patch: |\n      - {op: add, path: /data/more, value: y}\n"
            ),
            "part/b.yaml": config_map("b"),
            "overlay/kustomization.yaml": "resources: [../base]\ncomponents: [../part]\nnamespace: web\n",
        },
    ),
    "an overlay of a layout": ("apps/production", OVERLAYS),
    "an app of a layout": ("kubernetes/apps/media/plex/app", NAMESPACED),
    "a folder of Kustomizations": ("kubernetes/apps/media", NAMESPACED),
}


def _sorted(objects: list[Any]) -> list[str]:
    return sorted(yaml.safe_dump(one, sort_keys=True) for one in objects)


@pytest.fixture(scope="module")
def kustomize() -> Path:
    return find("kustomize", say=print)


@pytest.mark.parametrize("case", CASES)
def test_the_same_objects_are_built(tmp_path: Path, kustomize: Path, case: str) -> None:
    folder, files = CASES[case]
    write(tmp_path, files)
    built = subprocess.run(  # noqa: S603 - the pinned program, on files of this test
        [kustomize, "build", tmp_path / folder], capture_output=True, text=True, check=True, timeout=60
    )
    theirs = [one for one in yaml.safe_load_all(built.stdout) if one]
    original = read_original(tmp_path)
    ours = [one.manifest for one in Builder(original).path("" if folder == "." else folder)]
    assert theirs
    assert _sorted(ours) == _sorted(theirs)

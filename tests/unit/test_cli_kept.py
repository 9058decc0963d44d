"""What a stack's state says of its cluster."""

from fluxapps.cli.kept import kept
from fluxapps.model.objects import ObjectId

RELEASE = {
    "apiVersion": "helm.toolkit.fluxcd.io/v2",
    "kind": "HelmRelease",
    "metadata": {"name": "a", "namespace": "b"},
}
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b"}}


def test_objects_and_their_cluster_are_found() -> None:
    state = {
        "deployment": {
            "resources": [
                {"urn": "s", "type": "pulumi:pulumi:Stack"},
                {
                    "urn": "c",
                    "type": "pulumi:index:Stash",
                    "custom": True,
                    "inputs": {"input": {"uid": "1"}},
                    "outputs": {"output": {"uid": "1", "clusterIdentifier": "x"}},
                },
                {
                    "urn": "p",
                    "type": "pulumi:providers:kubernetes",
                    "custom": True,
                    "inputs": {"context": "prod", "kubeconfig": ".kube/config"},
                },
                {"urn": "app", "type": "fluxapps:index:FluxHelmApp", "inputs": {"metadata": {}}},
                {
                    "urn": "r",
                    "type": "kubernetes:helm.toolkit.fluxcd.io/v2:HelmRelease",
                    "custom": True,
                    "inputs": RELEASE,
                    "outputs": {"metadata": {"uid": "2"}},
                },
                {
                    "urn": "n",
                    "type": "kubernetes:core/v1:Namespace",
                    "custom": True,
                    "inputs": NAMESPACE,
                    "retainOnDelete": True,
                },
            ]
        }
    }
    found = kept(state)
    assert (found.context, found.kubeconfig, found.cluster) == ("prod", ".kube/config", "1")
    release = found.objects[ObjectId("helm.toolkit.fluxcd.io", "HelmRelease", "b", "a")]
    assert (release.urn, release.uid, release.retained) == ("r", "2", False)
    namespace = found.objects[ObjectId("", "Namespace", "", "b")]
    assert (namespace.uid, namespace.retained) == ("", True)


def test_a_stack_that_was_never_deployed_has_nothing() -> None:
    found = kept({"version": 3, "deployment": {"manifest": {}}})
    assert (found.objects, found.context, found.kubeconfig, found.cluster) == ({}, "", None, "")

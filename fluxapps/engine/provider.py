"""The stack's Kubernetes provider: explicit, and the same in the state whichever machine runs the program.

A class of our own, because pulumi_kubernetes' writes this machine's ``$KUBECONFIG`` into the state when no kubeconfig
is named, so that two machines would change it to and fro.
"""

import json
from typing import Final

import pulumi

from fluxapps.engine.kubeconfig import ClusterChoice
from fluxapps.engine.resource import provider_version

_CLIENT_SETTINGS: Final = ((1000, {"qps": 400, "burst": 800}), (200, {"qps": 200, "burst": 400}))
"""Requests per second by how many objects there are; in steps, so that a new app is rarely a change of the provider.
Below the last step the provider's own settings (50, 120) will do."""


class KubernetesProvider(pulumi.ProviderResource):
    """Talks to the stack's cluster."""

    def __init__(self, name: str, choice: ClusterChoice, objects: int, identifier: str | None = None) -> None:
        """Register the provider.

        Args:
            name: Its logical name.
            choice: The stack's cluster.
            objects: How many objects it will keep.
            identifier: Only its change replaces the provider, and with it every object. Default: ``<project>/<stack>``.
        """
        settings: dict[str, pulumi.Input[str]] = {
            "context": choice.context,
            "clusterIdentifier": identifier or f"{pulumi.get_project()}/{pulumi.get_stack()}",
            "enableConfigMapMutable": "true",
            "enableSecretMutable": "true",
        }
        if choice.kubeconfig is not None:
            settings["kubeconfig"] = choice.kubeconfig
        if client := client_settings(objects):
            settings["kubeClientSettings"] = json.dumps(client)
        super().__init__("kubernetes", name, settings, pulumi.ResourceOptions(version=provider_version()))


def client_settings(objects: int) -> dict[str, int]:
    """Return how many requests a second the provider may send for so many objects; empty: its own settings will do."""
    return next((client for least, client in _CLIENT_SETTINGS if objects >= least), {})

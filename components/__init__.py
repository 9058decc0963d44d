"""The three parts of a cluster's apps, as Pulumi components; copy the folder and change them at will."""

from components.flux_bootstrap import FluxBootstrap, FluxBootstrapArgs
from components.flux_helm_app import FluxHelmApp, FluxHelmAppArgs
from components.flux_system import FluxSystem, FluxSystemArgs

__all__ = ["FluxBootstrap", "FluxBootstrapArgs", "FluxHelmApp", "FluxHelmAppArgs", "FluxSystem", "FluxSystemArgs"]

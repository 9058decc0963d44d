"""What runs inside a Pulumi program: the run, the one resource class, and the order between objects."""

from fluxapps.engine.resource import KubernetesObject, Leaves, Made, register_promptly
from fluxapps.engine.run import Run

__all__ = ["KubernetesObject", "Leaves", "Made", "Run", "register_promptly"]

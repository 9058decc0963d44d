"""What runs inside a Pulumi program: the one resource class, and the order between objects."""

from fluxapps.engine.resource import KubernetesObject, Leaves, Made, settle

__all__ = ["KubernetesObject", "Leaves", "Made", "settle"]

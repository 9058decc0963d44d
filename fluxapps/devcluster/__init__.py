"""A real local cluster of processes, and how its programs are had."""

from fluxapps.devcluster.cluster import CONTEXT, Cluster
from fluxapps.devcluster.errors import ClusterError, DevclusterError, ProgramError

__all__ = ["CONTEXT", "Cluster", "ClusterError", "DevclusterError", "ProgramError"]

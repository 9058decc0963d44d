"""Stand-ins for Pulumi plugins that can't be had: the Python language host and the Kubernetes provider.

They are used only where the real ones are missing, and say so. `plugins` is for callers that run pulumi themselves;
`python -m fluxapps.devcluster.standins run -- pulumi up` is for people.
"""

from fluxapps.devcluster.standins.session import Plugins, StandInError, missing, plugins

__all__ = ["Plugins", "StandInError", "missing", "plugins"]

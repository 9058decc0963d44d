"""What runs inside a Pulumi program: the run, the one resource class, and the order between objects."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluxapps.engine.resource import KubernetesObject, Leaves, Made, register_promptly
    from fluxapps.engine.run import Run

__all__ = ["KubernetesObject", "Leaves", "Made", "Run", "register_promptly"]

_HOMES = {name: "run" if name == "Run" else "resource" for name in __all__}


def __getattr__(name: str) -> object:
    # The command line reads clusters through this package too, and has no use for pulumi: a third of a second.
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

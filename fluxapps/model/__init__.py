"""The pure core: files, models, checks, declared objects, text. It knows no Pulumi, network, clock or process.

One direction of data: ``load``, ``resolve``, ``check``, ``declare``, ``tree_files`` (or components, which register).
"""

from fluxapps.model.checks import check
from fluxapps.model.declare import AppDeclaration, Declaration, declare
from fluxapps.model.loader import load
from fluxapps.model.objects import DeclaredObject, Manifest, ObjectId, Role
from fluxapps.model.problems import ConfigError, Problem, Severity
from fluxapps.model.rendered import tree_files
from fluxapps.model.resolve import resolve
from fluxapps.model.resolved import Fleet, GitPin
from fluxapps.model.sources import Sources

__all__ = [
    "AppDeclaration",
    "ConfigError",
    "Declaration",
    "DeclaredObject",
    "Fleet",
    "GitPin",
    "Manifest",
    "ObjectId",
    "Problem",
    "Role",
    "Severity",
    "Sources",
    "check",
    "declare",
    "load",
    "resolve",
    "tree_files",
]

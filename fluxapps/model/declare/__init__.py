"""Declare: the objects of a resolved stack, in topological order."""

from fluxapps.model.declare.declaration import AppDeclaration, Declaration, declare

__all__ = ["AppDeclaration", "Declaration", "declare"]

"""Flux's object schemas as package data: one JSON file per kind, and ``flux.json`` that lists them.

The files are written by ``python -m fluxapps.schemas.generate`` and read by :mod:`fluxapps.model.flux_schema`.
"""

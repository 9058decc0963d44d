"""Bringing an existing Flux repository in: reads it as Flux would, says it as app files, proves that nothing changed.

Pure like the model: it reads files, and makes contents of files. Nothing here talks to a cluster or to the network.
"""

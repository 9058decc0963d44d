"""Helm apps on Kubernetes with Flux, declared by a Pulumi program: one short file per app."""

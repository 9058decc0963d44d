"""Flux's controllers on the local cluster, what they fetch from, and pods that get Ready."""

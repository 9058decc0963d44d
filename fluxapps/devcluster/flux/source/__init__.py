"""A stand-in for source-controller, for where the real one can't be had: artifacts, and the same status."""

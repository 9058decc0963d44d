"""What runs in the environment of a Pulumi program: scripts that need neither `fluxapps` nor each other."""

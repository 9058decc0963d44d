"""What kustomize makes of a folder, as far as that needs neither the network nor somebody else's program."""

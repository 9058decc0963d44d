"""A stand-in for Pulumi's Kubernetes provider, for where its plugin can't be had."""

"""The file by which Kubernetes clients find a cluster and may enter it."""

import base64
import os
from pathlib import Path

import yaml

from fluxapps.devcluster.credentials import Credentials


def write(file: Path, *, context: str, server: str, credentials: Credentials) -> None:
    """Write a kubeconfig with one context, readable by its owner only; an equal one is left as it is.

    Args:
        file: Replaced at once, so that no client ever reads half of it.
        context: Names context, cluster and user alike.
        server: The API server's address.
        credentials: Whom to trust, and the token.
    """
    authority = base64.b64encode(credentials.authority.read_bytes()).decode()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": context, "user": {"token": credentials.token}}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        "current-context": context,
    }
    text = yaml.safe_dump(content, sort_keys=False)
    if file.exists() and file.read_text("utf-8") == text:
        return
    partial = file.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
    partial.replace(file)

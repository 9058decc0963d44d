"""The sealed-secrets controller, as a process outside of any pod, with a sealing key that everybody knows.

``python -m fluxapps.devcluster.flux.sealed_secrets`` becomes the controller once its kind is served, as its pod would
come with the chart that makes the kind; until then the controller would look for it ever less often.
"""

import argparse
import base64
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

from fluxapps.devcluster.api import Api
from fluxapps.devcluster.credentials import Credentials
from fluxapps.devcluster.errors import DevclusterError, ProgramError
from fluxapps.devcluster.ports import LOOPBACK
from fluxapps.devcluster.programs.cache import cache_root
from fluxapps.devcluster.programs.lookup import find

PROGRAM = "sealed-secrets-controller"
NAMESPACE = "kube-system"
"""Where the controller has its keys; no app's own."""
KEY = Path(__file__).resolve().parents[1] / "sealing"
"""The key pair that the shipped fleet is sealed with."""
_ACTIVE = {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"}
_SERVED = "/apis/bitnami.com/v1alpha1/sealedsecrets?limit=1"
_POLL = 0.3
_IN_A_POD = b"/var/run/secrets/kubernetes.io/serviceaccount/"
_BESIDE = b"././/run/secrets/kubernetes.io/serviceaccount/"
"""As long as the other, and relative to the working folder."""


def install(api: Api) -> None:
    """Give the controller its key, so that it makes none.

    Raises:
        ClusterError: The API server refuses it.
    """
    files = {"tls.crt": KEY / "dev.crt", "tls.key": KEY / "dev.key"}
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": "sealed-secrets-key-dev", "namespace": NAMESPACE, "labels": _ACTIVE},
        "data": {name: base64.b64encode(file.read_bytes()).decode() for name, file in files.items()},
    }
    api.apply(f"/api/v1/namespaces/{NAMESPACE}/secrets", manifest)


def outside_of_pods(program: Path) -> Path:
    """Return a copy of a program that looks for its service account below its working folder.

    Programs that are made for pods alone have the folder built in (client-go's `rest.InClusterConfig`), and no option.

    Raises:
        ProgramError: It has another folder built in.
    """
    original = program.read_bytes()
    copy = cache_root() / "outside-of-pods" / hashlib.sha256(original).hexdigest()[:16] / program.name
    if copy.exists():
        return copy
    if _IN_A_POD not in original:
        raise ProgramError(f"{program} doesn't look for its service account where pods have it")
    copy.parent.mkdir(parents=True, exist_ok=True)
    partial = copy.with_name(f".{copy.name}.{os.getpid()}")
    partial.write_bytes(original.replace(_IN_A_POD, _BESIDE))
    partial.chmod(0o755)
    if sys.platform == "darwin":
        # There a changed program runs only when it is signed anew.
        subprocess.run(("/usr/bin/codesign", "--force", "--sign", "-", str(partial)), check=True)  # noqa: S603  our own
    partial.replace(copy)
    return copy


def _account(folder: Path, credentials: Credentials) -> None:
    """Write what a pod finds of its service account: here, the administrator's."""
    account = folder / "run/secrets/kubernetes.io/serviceaccount"
    account.mkdir(parents=True, exist_ok=True, mode=0o700)
    (account / "ca.crt").write_bytes(credentials.authority.read_bytes())
    token = os.open(account / "token", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(token, "w", encoding="utf-8") as stream:
        stream.write(credentials.token)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> None:
    """Become the controller."""
    parser = argparse.ArgumentParser(prog="sealed-secrets")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--credentials", type=Path, required=True)
    parser.add_argument("--server-port", type=int, required=True)
    options, arguments = parser.parse_known_args()
    credentials = Credentials(options.credentials)
    try:
        program = outside_of_pods(find(PROGRAM, say=_say))
    except DevclusterError as reason:
        sys.exit(str(reason))
    _account(options.folder, credentials)
    os.chdir(options.folder)
    api = Api(options.server_port, credentials)
    _say("waiting for SealedSecret to be served")
    while not api.answers(_SERVED):
        time.sleep(_POLL)
    pod = {"KUBERNETES_SERVICE_HOST": LOOPBACK, "KUBERNETES_SERVICE_PORT": str(options.server_port)}
    os.execve(program, [PROGRAM, *arguments], {**os.environ, **pod, "POD_NAMESPACE": NAMESPACE})  # noqa: S606  our own


if __name__ == "__main__":
    main()

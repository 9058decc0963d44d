"""A kubeconfig made into a connection: address, certificates, credentials."""

import base64
import binascii
import ipaddress
import os
import ssl
import tempfile
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from fluxapps.devcluster.standins.kubernetes_provider.settings import (
    Kubeconfig,
    Settings,
    SettingsError,
    entry,
    parse_kubeconfig,
)

# The engine runs up to 64 operations at once by our own advice, and more if it is told to.
KEPT_CONNECTIONS = 256

USER_AGENT = "fluxapps-standin-kubernetes-provider"

# Entries of a kubeconfig that are paths, relative to the file that says them.
FILES = {"clusters": ("certificate-authority",), "users": ("client-certificate", "client-key", "tokenFile")}

NO_CONFIGURATION = (
    "invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable"
)

Headers = Callable[[], dict[str, str]]


@dataclass(frozen=True)
class Connection:
    """A pool of connections to one API server, and the headers that say who asks."""

    host: str
    pool: urllib3.PoolManager
    headers: Headers


def connect(settings: Settings, environ: Mapping[str, str]) -> tuple[Connection, str]:
    """Make the connection that a provider's settings ask for; nothing is sent yet.

    Args:
        settings: The provider's.
        environ: Where KUBECONFIG and proxies are looked up.

    Returns:
        The connection, and the namespace for objects that say none: the provider's or the context's.

    Raises:
        SettingsError: There is no kubeconfig, or nothing usable in it.
    """
    # Paths in a kubeconfig that is given to the provider count from the working directory, wherever the file is.
    kubeconfig = parse_kubeconfig(settings.kubeconfig) if settings.kubeconfig else _ambient(environ)
    context_name = settings.context or str(kubeconfig.get("current-context") or "")
    context = entry(kubeconfig, "contexts", context_name)
    if context is None:
        raise SettingsError(f'context "{context_name}" does not exist' if context_name else NO_CONFIGURATION)
    cluster_name = settings.cluster or str(context.get("cluster") or "")
    cluster = entry(kubeconfig, "clusters", cluster_name)
    if cluster is None or not cluster.get("server"):
        raise SettingsError(f'cluster "{cluster_name}" does not exist')
    user_name = str(context.get("user") or "")
    user = entry(kubeconfig, "users", user_name)
    if user is None and user_name:
        raise SettingsError(f'auth info "{user_name}" does not exist')
    try:
        encryption = _encryption(cluster)
        headers = _credentials(user or {}, encryption, lambda: _loaded(kubeconfig, context_name))
        pool = _pool(cluster, encryption, environ)
    except (OSError, ValueError, ssl.SSLError) as error:
        raise SettingsError(f'cluster "{cluster_name}", user "{user_name}": {error}') from error
    namespace = settings.namespace or str(context.get("namespace") or "default")
    return Connection(str(cluster["server"]).rstrip("/"), pool, headers), namespace


def _ambient(environ: Mapping[str, str]) -> Kubeconfig:
    """Merge the files of KUBECONFIG, or read ~/.kube/config: of two entries with one name, the first counts."""
    merged: Kubeconfig = {}
    paths = environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    for path in filter(None, paths.split(os.pathsep)):
        file = Path(path).expanduser()
        if not file.is_file():
            continue
        read = parse_kubeconfig(str(file))
        merged.setdefault("current-context", read.get("current-context"))
        for kind in ("clusters", "contexts", "users"):
            known = {each["name"] for each in merged.setdefault(kind, [])}
            for each in read.get(kind) or ():
                if isinstance(each, dict) and each.get("name") not in known:
                    below = each.get(kind.removesuffix("s"))
                    for key in FILES.get(kind, ()):
                        if isinstance(below, dict) and below.get(key):
                            below[key] = str(file.parent / below[key])
                    merged[kind].append(each)
    if not merged:
        raise SettingsError(NO_CONFIGURATION)
    return merged


def _encryption(cluster: dict[str, Any]) -> ssl.SSLContext:
    data = _decoded(cluster, "certificate-authority-data")
    file = cluster.get("certificate-authority")
    context = ssl.create_default_context(
        cafile=file if file and not data else None, cadata=data.decode() if data else None
    )
    # Certificates of a cluster's own authority often lack what newer Pythons insist on.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _credentials(user: dict[str, Any], encryption: ssl.SSLContext, load: Callable[[], Any]) -> Headers:
    """Put a user's certificate into *encryption*, and return what each request says of the user."""
    if user.get("exec") or user.get("auth-provider"):
        loaded = load()
        if loaded.cert_file:
            encryption.load_cert_chain(loaded.cert_file, loaded.key_file)
        # Asked each time: a token of a command is renewed by it.
        return lambda: _authorization(loaded.get_api_key_with_prefix("authorization"))
    _load_certificate(user, encryption)
    if user.get("tokenFile"):
        token_file = Path(user["tokenFile"])
        return lambda: _authorization(f"Bearer {token_file.read_text('utf-8').strip()}")
    if user.get("token"):
        return lambda: _authorization(f"Bearer {user['token']}")
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password') or ''}"
        return lambda: _authorization("Basic " + base64.b64encode(pair.encode()).decode())
    return lambda: _authorization(None)


def _authorization(value: str | None) -> dict[str, str]:
    return {"User-Agent": USER_AGENT, **({"Authorization": value} if value else {})}


def _load_certificate(user: dict[str, Any], encryption: ssl.SSLContext) -> None:
    certificate, key = _decoded(user, "client-certificate-data"), _decoded(user, "client-key-data")
    # OpenSSL reads keys from files only: what is in the kubeconfig is on the disk for this one call.
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, content in (("client-certificate", certificate), ("client-key", key)):
            if content:
                path = Path(folder, name)
                path.touch(mode=0o600)
                path.write_bytes(content)
                paths.append(str(path))
            elif user.get(name):
                paths.append(user[name])
        if len(paths) == 2:  # noqa: PLR2004 - a pair
            encryption.load_cert_chain(*paths)


def _decoded(entry: dict[str, Any], key: str) -> bytes:
    try:
        return base64.b64decode(entry.get(key) or "")
    except (binascii.Error, TypeError) as error:
        raise ValueError(f"{key} is no base64: {error}") from error


def _pool(cluster: dict[str, Any], encryption: ssl.SSLContext, environ: Mapping[str, str]) -> urllib3.PoolManager:
    kept: dict[str, Any] = {"maxsize": KEPT_CONNECTIONS, "ssl_context": encryption}
    if cluster.get("tls-server-name"):
        kept |= {"server_hostname": cluster["tls-server-name"], "assert_hostname": cluster["tls-server-name"]}
    url = urllib.parse.urlparse(str(cluster["server"]))
    if cluster.get("insecure-skip-tls-verify"):
        kept |= {"assert_hostname": False}
        # The kubeconfig says so: to remark on it at every request helps nobody.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    said = {key.lower(): value for key, value in environ.items() if key.lower().endswith("_proxy")}
    ambient = said.get(f"{url.scheme}_proxy")
    if ambient and _bypassed(url.hostname or "", said.get("no_proxy", "")):
        ambient = None
    if proxy := cluster.get("proxy-url") or ambient:
        return urllib3.ProxyManager(proxy, **kept)
    return urllib3.PoolManager(**kept)


def _bypassed(host: str, no_proxy: str) -> bool:
    """Whether a host is reached without the proxy of the environment, as Go has it: loopback always."""
    with suppress(ValueError):
        address = ipaddress.ip_address(host)
        return address.is_loopback or any(address in network for network in _networks(no_proxy))
    names = [name.strip().lstrip("*").lstrip(".") for name in no_proxy.split(",") if name.strip()]
    return host == "localhost" or any(name in {"", host} or host.endswith(f".{name}") for name in names)


def _networks(no_proxy: str) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for name in no_proxy.split(","):
        with suppress(ValueError):
            yield ipaddress.ip_network(name.strip(), strict=False)


def _loaded(kubeconfig: Kubeconfig, context: str) -> Any:
    """Let the Kubernetes client run what a user's entry says to get credentials."""
    # Late: only such users need it, and it takes as long as everything else here together.
    from kubernetes.client import Configuration  # noqa: PLC0415
    from kubernetes.config import ConfigException  # noqa: PLC0415
    from kubernetes.config.kube_config import KubeConfigLoader  # noqa: PLC0415

    configuration = Configuration()
    try:
        KubeConfigLoader(config_dict=kubeconfig, active_context=context).load_and_set(configuration)
    except ConfigException as error:
        raise ValueError(str(error)) from error
    return configuration

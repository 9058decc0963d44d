"""Artifacts: files in one folder, told of in the status of their objects, for Flux's controllers to fetch."""

import gzip
import hashlib
import io
import shutil
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fluxapps.devcluster.flux.kubernetes import Key, Object


@dataclass(frozen=True, slots=True)
class Content:
    """What an artifact is to hold."""

    file: str
    """The file's name, which says the revision too."""
    revision: str
    data: bytes


class Artifacts:
    """All artifacts of a cluster."""

    def __init__(self, folder: Path, address: str) -> None:
        """Name where they are.

        Args:
            folder: Holds nothing else.
            address: Host and port that the clients use.
        """
        self.folder = folder
        self._address = address

    def current(self, found: Object) -> Object | None:
        """Return the artifact that an object's status tells of, with today's address; None where its file is gone."""
        artifact: Object | None = found.get("status", {}).get("artifact")
        if not artifact:
            return None
        try:
            data = self.read(artifact)
        except OSError:
            return None
        return {**artifact, "url": self._url(artifact["path"])} if _digest(data) == artifact["digest"] else None

    def read(self, artifact: Object) -> bytes:
        """Return what an artifact holds.

        Raises:
            OSError: Its file is gone.
        """
        return Path(self.folder, artifact["path"]).read_bytes()

    def keep(self, key: Key, content: Content) -> Object:
        """Store an artifact, and return how a status tells of it."""
        path = f"{_folder(key)}/{content.file}"
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.name}.partial")
        partial.write_bytes(content.data)
        partial.replace(file)
        return {
            "digest": _digest(content.data),
            "lastUpdateTime": now(),
            "path": path,
            "revision": content.revision,
            "size": len(content.data),
            "url": self._url(path),
        }

    def forget_others(self, key: Key, artifact: Object) -> None:
        """Remove an object's earlier artifacts but for the last one, which somebody may be fetching."""
        files = sorted((self.folder / _folder(key)).glob("[!.]*"), key=lambda file: file.stat().st_mtime)
        for file in files[:-2]:
            if file.name != Path(artifact["path"]).name:
                file.unlink(missing_ok=True)

    def forget(self, key: Key) -> None:
        """Remove an object's artifacts."""
        shutil.rmtree(self.folder / _folder(key), ignore_errors=True)

    def _url(self, path: str) -> str:
        return f"http://{self._address}/{path}"


def packed(files: Iterable[tuple[str, bytes | None]]) -> bytes:
    """Return a tar.gz of files (path, content; None for a folder), the same bytes for the same files."""
    raw = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for path, content in files:
            entry = tarfile.TarInfo(path)
            if content is None:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
            else:
                entry.size, entry.mode = len(content), 0o644
                archive.addfile(entry, io.BytesIO(content))
    return raw.getvalue()


def now() -> str:
    """Return this moment as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _folder(key: Key) -> str:
    return f"{key.kind.lower()}/{key.namespace}/{key.name}"


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"

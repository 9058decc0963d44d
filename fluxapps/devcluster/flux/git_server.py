"""A git server over smart HTTP, to read from: ``/<name>.git`` is what ``<name>.git`` in its folder links to."""

import argparse
import os
import subprocess
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fluxapps.devcluster.ports import LOOPBACK

_HEALTH = "/readyz"
_PATIENCE = 60


class _Backend(BaseHTTPRequestHandler):
    """Hands requests to git's own CGI program."""

    protocol_version = "HTTP/1.1"
    folder: Path

    def do_GET(self) -> None:
        if self.path == _HEALTH:
            self._answer(HTTPStatus.OK, {}, b"")
            return
        self._run(b"")

    def do_POST(self) -> None:
        self._run(self._body())

    def log_message(self, *_: object) -> None:
        pass

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        # Clients send what is longer than they like to keep in pieces, each with its size before it.
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def _run(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": LOOPBACK,
        }
        answer = subprocess.run(
            # Any commit may be asked for by its name, as large hosts allow. Whose folder it is doesn't matter: it was
            # put here to be read.
            ("git", "-c", "uploadpack.allowAnySHA1InWant=true", "-c", "safe.directory=*", "http-backend"),  # noqa: S607
            check=False,
            input=body,
            stdout=subprocess.PIPE,
            env=environment,
            timeout=_PATIENCE,
        )
        head, _, content = answer.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200").split()[0]) if head else HTTPStatus.INTERNAL_SERVER_ERROR
        self._answer(status, headers, content)

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="git-server")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    _Backend.folder = options.folder
    ThreadingHTTPServer((LOOPBACK, options.port), _Backend).serve_forever()


if __name__ == "__main__":
    main()

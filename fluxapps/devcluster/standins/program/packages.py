"""Print the packages of this Python that Pulumi knows as packages, as JSON.

Started by path in the program's environment, so the standard library only.
"""

import importlib.metadata
import json
import re
import sys
from pathlib import Path
from typing import Any

# Installed beside programs, but no packages of resources.
WITHOUT_PLUGIN = {"pulumi-policy", "pulumi-esc-sdk"}


def normalized(name: str) -> str:
    """Spell a distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def packages() -> list[dict[str, Any]]:
    """Read every distribution that has a pulumi-plugin.json, or a name that begins with `pulumi-`."""
    found = []
    for distribution in importlib.metadata.distributions():
        name = normalized(distribution.metadata["Name"] or "")
        entry = next((f for f in distribution.files or () if f.name == "pulumi-plugin.json"), None)
        if name in WITHOUT_PLUGIN or (entry is None and not name.startswith("pulumi-")):
            continue
        described: dict[str, Any] = {"resource": True}
        if entry is not None:
            described = json.loads(Path(str(entry.locate())).read_text("utf-8"))
        if described.get("resource"):
            version = described.get("version") or distribution.version
            found.append(
                {
                    "name": described.get("name") or name.removeprefix("pulumi-"),
                    "version": version if version.startswith("v") else f"v{version}",
                    "server": described.get("server") or "",
                }
            )
    return found


if __name__ == "__main__":
    json.dump(packages(), sys.stdout)

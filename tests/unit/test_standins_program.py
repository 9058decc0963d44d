"""What runs a program, under a Pulumi that only waits."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from fluxapps.devcluster.standins.language_host import ALREADY_TOLD, RUN

WAITING = """
import asyncio, types

class RunError(Exception):
    pass

async def run_in_stack(program):
    print("waiting", flush=True)
    await asyncio.sleep(600)

runtime = types.SimpleNamespace(
    set_all_config=lambda *_: None,
    Settings=lambda **_: None,
    configure=lambda *_: None,
    run_in_stack=run_in_stack,
)
__path__ = []
import sys
sys.modules["pulumi.runtime"] = runtime
"""


def test_an_interrupted_program_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "pulumi.py").write_text(WAITING, "utf-8")
    lifeline, held = os.pipe()
    names = ("project", "stack", "organization", "root_directory", "engine", "monitor")
    request = {
        **dict.fromkeys(names, ""),
        "program": ".",
        "directory": str(tmp_path),
        "lifeline": lifeline,
        "args": [],
        "config": {},
        "secret_keys": [],
        "parallel": 1,
        "dry_run": False,
    }
    with subprocess.Popen(  # noqa: S603 - ours
        [sys.executable, str(RUN)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(lifeline,),
        text=True,
    ) as program:
        try:
            assert program.stdin
            assert program.stdout
            program.stdin.write(json.dumps(request))
            program.stdin.close()
            program.stdin = None
            assert program.stdout.readline() == "waiting\n"
            program.send_signal(signal.SIGINT)
            _, said = program.communicate(timeout=30)
        finally:
            program.kill()
            os.close(held)
            os.close(lifeline)
    assert (program.returncode, said) == (ALREADY_TOLD, "")

"""Run a command in an environment in which pulumi finds its plugins, stand-ins where the real ones are missing.

python -m fluxapps.devcluster.standins run -- pulumi up --stack dev
"""

import argparse
import shutil
import sys
from pathlib import Path

from fluxapps.devcluster.foreground import run_in_foreground
from fluxapps.devcluster.standins.session import StandInError, plugins

NOT_FOUND = 127


def run(command: list[str]) -> int:
    """Run *command*, forward signals to it, and return its exit code (128 + signal, as a shell has it)."""
    found = shutil.which("pulumi")
    program = shutil.which(command[0])
    if program is None:
        sys.stderr.write(f"{command[0]}: not found on PATH\n")
        return NOT_FOUND
    pulumi = Path(program if Path(program).name == "pulumi" else found or program)
    with plugins(pulumi, say=_say) as given:
        env = {"PULUMI_SKIP_UPDATE_CHECK": "true", **given.env}
        return run_in_foreground([program, *command[1:]], env)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m fluxapps.devcluster.standins", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    runs = verbs.add_parser("run", help="run a command with the plugins it needs")
    runs.add_argument("command", nargs=argparse.REMAINDER, help="the command, after --")
    arguments = parser.parse_args()
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        runs.error("no command")
    try:
        code = run(command)
    except StandInError as error:
        _say(f"error: {error}")
        code = 1
    sys.exit(code)


if __name__ == "__main__":
    main()

"""Run a Pulumi Python program as Pulumi's own language host runs it.

Started by path, in the program's environment, with a JSON description of the run on standard input; so it may import
nothing but the standard library and `pulumi`.

What it does on each way a program can end is what `pulumi-language-python-exec` does:

* the program returns: exit 0;
* `pulumi.RunError`: its text is logged as an error once, exit 1, after which the engine adds a line of its own
  ("program exited with non-zero exit code: 1"); a program that wants no such line logs and exits 32 by itself;
* any other exception: logged once with the part of the traceback that is the user's, exit 32, no further line.
"""

import asyncio
import json
import logging
import os
import runpy
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# Tells the language host that the user has read the error already.
ALREADY_TOLD = 32

# How many registrations may be under way for each operation that the engine runs at once.
CALLS_PER_OPERATION = 4


def end_with(lifeline: int) -> None:
    """End this process when the other end of *lifeline*, which the language host holds, is closed."""
    os.set_inheritable(lifeline, False)

    def watch() -> None:
        os.read(lifeline, 1)
        os._exit(ALREADY_TOLD)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def user_traceback(program: str) -> str:
    """Format the current exception without the frames above the user's main program."""

    def module(path: str) -> str:
        stem, extension = os.path.splitext(path)  # noqa: PTH122 - a plain string of a traceback
        return os.path.abspath(stem if extension else os.path.join(path, "__main__"))  # noqa: PTH100, PTH118

    frames = traceback.extract_tb(sys.exc_info()[2])
    for index, frame in enumerate(frames):
        if module(frame.filename) == module(program):
            return traceback.format_exc(limit=index - len(frames))
    return traceback.format_exc()


def execute(program: str) -> None:
    """Run the program as `__main__`; one that isn't there is told in a sentence."""
    import pulumi  # noqa: PLC0415 - `main` says what to do when it is missing

    # runpy would go on to look for a `__main__` all along sys.path.
    if os.path.isdir(program) and not os.path.isfile(os.path.join(program, "__main__.py")):  # noqa: PTH112, PTH113, PTH118
        pulumi.log.error(f"unable to find main python program `__main__.py` in `{os.path.abspath(program)}`")  # noqa: PTH100
        sys.exit(ALREADY_TOLD)
    runpy.run_path(program, run_name="__main__")


def run(request: dict[str, Any]) -> int:
    """Connect to the engine, run the program, and return the exit code."""
    import pulumi  # noqa: PLC0415 - `main` says what to do when it is missing
    import pulumi.runtime  # noqa: PLC0415 - as above

    pulumi.runtime.set_all_config(request["config"], request["secret_keys"])
    settings = pulumi.runtime.Settings(
        project=request["project"],
        stack=request["stack"],
        organization=request["organization"] or None,
        root_directory=request["root_directory"] or None,
        parallel=request["parallel"],
        engine=request["engine"],
        monitor=request["monitor"],
        dry_run=request["dry_run"],
    )
    pulumi.runtime.configure(settings)

    program = request["program"]
    sys.argv = [program, *request["args"]]
    os.chdir(request["directory"])
    absolute = os.path.abspath(program)  # noqa: PTH100 - `.` must stay the path that runpy is given

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=max(request["parallel"], 1) * CALLS_PER_OPERATION)
    loop.set_default_executor(executor)
    # A failed deployment leaves futures that nobody awaits; asyncio's remarks on them would only confuse.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: execute(program)))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception:  # noqa: BLE001 - whatever a user's program raises
        pulumi.log.error("Program failed with an unhandled exception:\n" + user_traceback(absolute))
        return ALREADY_TOLD
    finally:
        executor.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def main() -> None:
    """Read the request and run it."""
    # This folder, which Python puts here for a script, has nothing for the program; runpy adds the program's own.
    del sys.path[0]
    request = json.load(sys.stdin)
    end_with(request["lifeline"])
    try:
        import pulumi  # noqa: F401, PLC0415 - only to say what to do when it is missing
    except ImportError:
        sys.stderr.write(
            f"{traceback.format_exc()}\nThe Pulumi SDK is not installed for {sys.executable}: "
            "install the project's requirements there, or name the right virtualenv in Pulumi.yaml's runtime options.\n"
        )
        sys.exit(1)
    try:
        code = run(request)
    except KeyboardInterrupt:
        # The engine gave up, for a reason that it says itself.
        code = ALREADY_TOLD
    sys.exit(code)


if __name__ == "__main__":
    main()

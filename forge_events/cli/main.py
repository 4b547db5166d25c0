# SPDX-License-Identifier: Apache-2.0
"""Run the command line and turn whatever goes wrong into one line and an exit code.

==== =================================================================================================================
0    done
1-7  an error of the library; :mod:`forge_events.errors` has the list
2    the command line was not understood
70   a bug of forge-events, or a fault of the machine that no error of the library names
126  ``record``: the command is no program; 127: there is no such command
130  ended by Ctrl-C
141  whoever read the output has stopped reading
==== =================================================================================================================

``record`` ends with the exit code of the command that it recorded.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from forge_events.errors import ForgeEventsError

__all__ = ["main"]

_INTERNAL, _INTERRUPTED, _BROKEN_PIPE = 70, 130, 141
_LONGEST = 500


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    _prepare_streams()
    sys.exit(_run())


def _run() -> int:
    try:
        try:
            return _called()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        return _stop_writing()
    except SystemExit as error:
        # Typer ends the process by itself when a pipe breaks.
        if isinstance(error.__context__, BrokenPipeError):
            return _stop_writing()
        raise
    except ForgeEventsError as error:
        _debug()
        return _complain(str(error), error.exit_code)
    except Exception as error:  # noqa: BLE001 - a traceback is for those who asked for it
        _debug()
        return _misunderstood(error) if hasattr(error, "format_message") else _complain(_fault(error), _INTERNAL)


def _called() -> int:
    import typer

    from forge_events.cli.app import app

    try:
        code = typer.main.get_command(app).main(prog_name="forge-events", standalone_mode=False)
    except typer.Abort:
        return _INTERRUPTED
    return code if isinstance(code, int) else 0


def _misunderstood(error: Exception) -> int:
    """Say what was wrong with the command line; Typer's own errors bring their text and exit code."""
    message = error.format_message()  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    code = getattr(error, "exit_code", 2)
    if context is not None and message == context.get_help():  # a group alone is an error whose message is its help
        sys.stdout.write(f"{message}\n")
        return code
    hint = f" (see {context.command_path} --help)" if context is not None else ""
    return _complain(message + hint, code)


def _complain(message: str, code: int) -> int:
    from forge_events.tree import printable

    line = printable(" ".join(message.split())[:_LONGEST])
    if line:
        sys.stderr.write(f"forge-events: {line}\n")
    return code


def _fault(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror + (f": {error.filename}" if error.filename else "")
    return f"internal error, {type(error).__name__}: {error} (FORGE_EVENTS_DEBUG=1 shows where)"


def _debug() -> None:
    if os.environ.get("FORGE_EVENTS_DEBUG"):
        raise  # noqa: PLE0704 - called while an exception is handled


def _prepare_streams() -> None:
    """Make sure that any text can be written, also where a stream was closed by the caller."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - open to the end
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _stop_writing() -> int:
    """Point stdout to nowhere, since Python flushes it once more on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return _BROKEN_PIPE

# SPDX-License-Identifier: Apache-2.0
"""Keep what an Ansible command prints until the callback plugin takes it, and in a file in case it never does.

The file is named by ``FORGE_EVENTS_EARLY_OUTPUT``; the first Ansible of the recorded command makes it, and is the
job. It holds JSON lines: ``{"process": ...}`` first, ``{"piece": ...}`` for each text, ``{"end": ...}`` when the
process ended by itself. :mod:`forge_events.recording.ending` reads it. What is secret of the command line is not
written, and nothing any more from the moment that a callback takes the output. Standard library only: it runs in the
command's Python.
"""

# Every start of Ansible pays for what is imported here; and the capture is of the same package.
# ruff: noqa: PTH119, PTH120, SLF001

from __future__ import annotations

import atexit
import contextlib
import fcntl
import importlib
import json
import os
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["begin"]

_PROGRAMS = frozenset(
    {
        "ansible",
        "ansible-config",
        "ansible-console",
        "ansible-doc",
        "ansible-galaxy",
        "ansible-inventory",
        "ansible-playbook",
        "ansible-pull",
    }
)
"""Whose output is kept. Not ansible-vault, whose output is secrets; a program of another package is its own affair."""

_JOB = ("FORGE_EVENTS_JOB_UUID", "FORGE_EVENTS_JOB_NAME", "FORGE_EVENTS_RECORDER_PID")


def begin(bootstrap: str) -> None:
    """Keep the output of this process if it is an Ansible command, and leave no trace in its environment.

    Other programs are left alone, and their environment too: they may be on the way to start Ansible.
    """
    if _program() not in _PROGRAMS:
        return
    _leave_path(bootstrap)
    path = os.environ.pop("FORGE_EVENTS_EARLY_OUTPUT", None)
    if path is None:
        return
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        # The recorded command has started another Ansible before: that one is the job, this one is a job of its own.
        for name in _JOB:
            os.environ.pop(name, None)
    else:
        _keep(file, _parts(os.path.dirname(bootstrap)))


def _program() -> str:
    if sys.argv[:1] == ["-m"]:  # python -m ansible playbook ...
        words = [*sys.orig_argv[sys.orig_argv.index("-m") + 1 :], ""]
        return f"ansible-{words[1]}".replace("-adhoc", "") if words[0] == "ansible" else ""
    return os.path.basename(sys.argv[0]) if sys.argv else ""


def _leave_path(bootstrap: str) -> None:
    """Take this folder off ``PYTHONPATH``, so that modules and nested commands do not inherit it."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    others = [path for path in paths if path != bootstrap]
    if others:
        os.environ["PYTHONPATH"] = os.pathsep.join(others)
    else:
        os.environ.pop("PYTHONPATH", None)


def _keep(file: int, parts: Callable[[str], Any]) -> None:
    file = _above_standard(file)
    write = _writer(file)
    process = {"process": {"pid": os.getpid(), "python_version": sys.version.partition(" ")[0]}}
    write(process)
    terminal = parts("terminal").Terminal.of_process()
    keep = terminal._sink
    censor = parts("censoring").Censor(has_files=True)
    command = parts("command_lines").censor_command(sys.argv)
    censor.learn_command(command.secrets, command.echoes)

    def keep_twice(piece: Any) -> None:
        keep(piece)
        write({"piece": {"text": censor.text(piece.text), "kind": piece.kind, "verbosity": piece.verbosity}})

    def end() -> None:
        if not terminal.has_taker:
            write({"end": _facts()})

    def taken() -> None:
        with contextlib.suppress(OSError):
            os.ftruncate(file, 0)
        write(process)

    terminal._sink = keep_twice
    terminal.when_taken = taken
    atexit.register(end)


def _above_standard(opened: int) -> int:
    """Return a descriptor for a file that is not taken for the terminal, as it would be with a closed stdout."""
    file = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(opened)
    return file


def _writer(file: int) -> Callable[[dict[str, Any]], None]:
    """Return what appends a line to a file, each with one ``write(2)``, of this process alone and without a fault."""
    pid = os.getpid()

    def write(line: dict[str, Any]) -> None:
        if os.getpid() == pid:
            with contextlib.suppress(OSError):
                os.write(file, json.dumps(line).encode("ascii") + b"\n")

    return write


def _parts(folder: str) -> Callable[[str], Any]:
    """Return what loads a module of the library from its folder: the command's Python need not have the library."""
    package = types.ModuleType("_forge_events_early_parts")
    package.__path__ = [folder]
    sys.modules[package.__name__] = package
    return lambda name: importlib.import_module(f"{package.__name__}.{name}")


def _facts() -> dict[str, Any]:
    """Return what Ansible knows of the command by the end, as far as it came."""
    release, context = sys.modules.get("ansible.release"), sys.modules.get("ansible.context")
    arguments = context.CLIARGS.get("args") if context is not None else None
    words = [arguments] if isinstance(arguments, str) else list(arguments or ())
    return {"ansible_version": getattr(release, "__version__", None), "words": [str(word) for word in words]}

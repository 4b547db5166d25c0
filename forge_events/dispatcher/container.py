# SPDX-License-Identifier: Apache-2.0
"""Turn a command into the one that runs it in a container, by podman or docker.

ansible-runner can wrap a command, too, but not for us: it puts its own display callback into the environment, has the
command read from a terminal, mounts the whole folder of every file that is named, gives files of the user's another
SELinux label, and cannot mount a path with a colon. From it are the user in the container and how the engines differ.
"""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path  # noqa: TC003 - pydantic reads the annotations of what is part of a plan
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Container", "Engine", "Mount", "Pull", "contained", "ending", "name_of"]

Pull = Literal["missing", "always", "never"]
"""When an image is fetched from its registry: if this machine does not have it, before every job, or never."""


class Engine(NamedTuple):
    """What runs containers on this machine.

    :param program: podman or docker.
    :param pull: when images are fetched.
    :param auth_file: the credentials for registries, which the engine alone gets to see: podman's ``auth.json``, or
        docker's ``config.json``, which has to have this name. None: what the engine finds by itself.
    """

    program: str = "podman"
    pull: Pull = "missing"
    auth_file: Path | None = None


class Mount(NamedTuple):
    """A file or folder of this machine, absolute, that is in the container at the same path; read-only unless said."""

    path: Path
    is_writable: bool = False


class Container(NamedTuple):
    """One container.

    :param name: by which it can be ended.
    :param directory: where the command is started, absolute; it has to be in one of the mounts, or in the image.
    :param mounts: a path may be there twice; it is writable if one of them says so.
    :param hostname: what the machine is called inside. Not as this one is: the processes in there have numbers of their
        own, and are not to be looked for here.
    """

    image: str
    name: str
    directory: Path
    mounts: list[Mount]
    hostname: str


def name_of(uuid: str) -> str:
    """Return the name of a job's container."""
    return f"forge_events_{uuid}"


def contained(command: Iterable[str], container: Container, engine: Engine, variables: Iterable[str]) -> list[str]:
    """Return the command that runs a command in a container, and ends with its exit code.

    It is to be started without a terminal on stdin. The container is gone when the command has ended.

    :param command: its program is looked up in the image.
    :param variables: the names of the variables that the command gets beside the image's own. Their values are taken
        from the environment that the returned command is started with, so that no list of processes shows them.
    """
    return [
        *_program(engine),
        "run",
        "--rm",
        *_engine_options(engine),
        f"--name={container.name}",
        f"--hostname={container.hostname}",
        f"--workdir={container.directory}",
        # Files of the user's keep their label. Both engines' manuals name this as the way to share a user's folders.
        "--security-opt=label=disable",
        # A journal would keep what a job prints, secrets too, when the container is long gone.
        "--log-driver=none",
        *_mounts(container.mounts),
        *(f"--env={name}" for name in sorted(variables)),
        container.image,
        *command,
    ]


def ending(name: str, engine: Engine) -> list[str]:
    """Return the command that ends a container and removes it, at whatever point of its start it is."""
    # Podman would ask first, for 10 s, what as process 1 of a container does not hear.
    at_once = [] if engine.program == "docker" else ["--time=0"]
    return [engine.program, "rm", "--force", *at_once, name]


def _program(engine: Engine) -> list[str]:
    if engine.program == "docker" and engine.auth_file is not None:
        return [engine.program, f"--config={engine.auth_file.parent}"]
    return [engine.program]


def _engine_options(engine: Engine) -> list[str]:
    # Docker's of old have no --pull, and do of themselves what "missing" says.
    options = [] if engine.pull == "missing" else [f"--pull={engine.pull}"]
    if engine.program == "docker":
        # The daemon is root, and files that a job makes are to be its user's.
        return [*options, f"--user={os.getuid()}"]
    options += [f"--authfile={engine.auth_file}"] if engine.auth_file is not None else []
    # Whoever an image wants to be may not read what is mounted; root is, without privileges, the user outside.
    return [*options, "--quiet", "--user=root"]


def _mounts(mounts: Iterable[Mount]) -> list[str]:
    rights: dict[Path, bool] = {}
    for mount in mounts:
        rights[mount.path] = mount.is_writable or rights.get(mount.path, False)
    return [f"--mount={_mount(path, is_writable=rights[path])}" for path in sorted(rights)]


def _mount(path: Path, *, is_writable: bool) -> str:
    """Return a mount as both engines read it, CSV: a path may hold every character, which ``--volume`` knows not."""
    fields = ["type=bind", f"src={path}", f"dst={path}", *([] if is_writable else ["readonly"])]
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(fields)
    return line.getvalue().removesuffix("\n")

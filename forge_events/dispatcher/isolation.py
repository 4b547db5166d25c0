# SPDX-License-Identifier: Apache-2.0
"""What a job sees of this machine in its container, and how its record comes out of that.

What is mounted has the path that it has outside. Whatever runs inside can write to the project, as on the machine
itself, and to one folder that is the job's own: the folder of all spools is none of its business.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import forge_events
from forge_events import spool
from forge_events.dispatcher.container import Container, Engine, Mount, ending, name_of
from forge_events.recording.environment import child_environment, config_file, configured, is_true, plugin_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from forge_events.launches import Launch
    from forge_events.recording.environment import Recording

__all__ = ["Box", "box_of", "container_of", "end_container", "variables_of"]

_LOG = logging.getLogger(__name__)
_ENGINE_TIMEOUT = 30.0
_POLL = 0.05


def box_of(spool_dir: Path, uuid: str) -> Path:
    """Return the folder that a job's container writes its record to: on the file system of the spools, and no spool."""
    return spool_dir / f".{uuid}"


def container_of(uuid: str, launch: Launch, secrets: Path, spool_dir: Path) -> Container | None:
    """Return the container of a job; None for one that runs on the machine itself.

    :param secrets: the folder with the files that the job's arguments name.
    """
    if launch.execution_environment is None:
        return None
    project = Path(launch.project or "/")
    read = [secrets, *_inventories(project, launch.inventory), *(project / path for path in launch.extra_vars_files)]
    mounts = [
        Mount(project, is_writable=True),
        *(Mount(path, is_writable=True) for path in _outside(project, [(project / launch.playbook).parent])),
        Mount(box_of(spool_dir, uuid), is_writable=True),
        *(Mount(path) for path in [*_outside(project, read), *_plugin()]),
    ]
    return Container(launch.execution_environment, name_of(uuid), project, mounts, hostname=uuid)


def variables_of(wish: Recording, recorder_pid: int) -> dict[str, str]:
    """Return the variables that a command in a container gets beside the image's: what makes Ansible record itself.

    Its output is no terminal, on which it would wait for answers; so its colours are those that the project wants.
    """
    directory = wish.directory
    own = directory / "ansible.cfg"
    # The other files that Ansible would read are those of the image, which are not known here.
    outside = {} if config_file({}, directory) == own else {"ANSIBLE_CONFIG": os.devnull}
    found = child_environment(outside, wish, recorder_pid)
    colours = {} if is_true(configured(outside, directory, "nocolor")) else {"ANSIBLE_FORCE_COLOR": "1"}
    return {name: value for name, value in found.items() if name not in outside} | colours


def end_container(engine: Engine, uuid: str) -> None:
    """End a job's container, whose processes are none of ours; do nothing where there is none."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            ending(name_of(uuid), engine),
            check=False,
            timeout=_ENGINE_TIMEOUT,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )


class Box:
    """The folder that a job's container writes its record to. The spool moves among the others once it is there.

    Nothing in it is trusted to be what it should be: whoever could write to it was not us.

    :param early_output: the file for what is printed before Ansible loads callbacks.
    """

    def __init__(self, spool_dir: Path, uuid: str) -> None:
        self.folder = box_of(spool_dir, uuid)
        self.early_output = self.folder / "early"
        self._inside, self._outside = (folder / f"{uuid}{spool.SUFFIX}" for folder in (self.folder, spool_dir))
        self._is_out = False
        self._is_over = threading.Event()

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Have the folder, and bring the spool out of it as soon as it is there, until the container has ended.

        :raises OSError: the folder cannot be made.
        """
        for folder in (self.folder.parent, self.folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        watcher = threading.Thread(target=self._watch, name="box", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            self._is_over.set()
            watcher.join()
            self._bring_out()
            if not _is_file(self.early_output):
                _remove(self.early_output)

    def _watch(self) -> None:
        while not self._is_out and not self._is_over.wait(_POLL):
            self._bring_out()

    def _bring_out(self) -> None:
        if self._is_out or not _is_file(self._inside):
            return
        try:
            self._inside.rename(self._outside)
        except OSError as error:
            _LOG.error("the job's spool cannot be moved to %s: %s", self._outside, error.strerror)
            return
        self._is_out = True
        if not _is_file(self._outside):  # it has changed at the last moment
            _remove(self._outside)


def _inventories(project: Path, sources: Iterable[str]) -> Iterator[Path]:
    """Yield the inventories that are on the disk, with the variables that lie beside a file."""
    for source in sources:
        path = project / source
        if "," in source and not path.exists():
            continue  # a list of hosts
        yield path
        if not path.is_dir():
            yield from (path.with_name(name) for name in ("group_vars", "host_vars"))


def _outside(project: Path, paths: Iterable[Path]) -> Iterator[Path]:
    """Yield those paths that are there and that the project does not bring along, as absolute ones."""
    for path in paths:
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links, as Ansible does not
        is_along = absolute.is_relative_to(project) and absolute.resolve().is_relative_to(project.resolve())
        if absolute.exists() and not is_along:
            yield absolute


def _plugin() -> Iterator[Path]:
    """Yield what records: nothing else of the library, which the container's Python may not be able to run."""
    package = Path(forge_events.__file__).resolve().parent
    plugins = plugin_folder().parent
    yield from (plugins, package / "bootstrap", package / "terminal.py")
    yield from (path.resolve() for path in (plugins / "plugin_utils").glob("*.py") if path.is_symlink())


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()

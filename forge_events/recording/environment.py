# SPDX-License-Identifier: Apache-2.0
"""Compose the environment in which a command is recorded. Nothing that a user has set is lost by it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from forge_events import spool
from forge_events.recording.callback_path import configured, effective_path, is_true, plugin_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Wish", "child_environment", "is_ad_hoc"]

_AD_HOC = frozenset({"ansible", "ansible-console"})


class Wish(NamedTuple):
    """What is wanted of a recording.

    :param command: the command and its arguments.
    :param directory: where it is started.
    :param job_uuid: the uuid of the job that is going to be.
    :param spool: the folder that the job's spool goes to.
    :param early_output: a file for what is printed before Ansible loads callbacks, not there yet.
    :param name: what to call the job; None leaves it to the callback.
    """

    command: Sequence[str]
    directory: Path
    job_uuid: str
    spool: Path
    early_output: Path
    name: str | None = None

    @property
    def path(self) -> Path:
        """The job's spool."""
        return self.spool / f"{self.job_uuid}{spool.SUFFIX}"


def child_environment(environ: Mapping[str, str], wish: Wish, recorder_pid: int) -> dict[str, str]:
    """Return the environment for a command: the one given, and what makes Ansible record itself."""
    child = {
        **environ,
        "FORGE_EVENTS_SPOOL_DIR": str(wish.spool.absolute()),
        "FORGE_EVENTS_JOB_UUID": wish.job_uuid,
        "FORGE_EVENTS_RECORDER_PID": str(recorder_pid),
        "FORGE_EVENTS_EARLY_OUTPUT": str(wish.early_output),
        "PYTHONPATH": _joined([str(_bootstrap_folder()), environ.get("PYTHONPATH", "")]),
        "ANSIBLE_CALLBACK_PLUGINS": _callback_plugins(environ, wish.directory),
    }
    if wish.name is not None:
        child["FORGE_EVENTS_JOB_NAME"] = wish.name
    if is_ad_hoc(wish.command) and not _loads_callbacks(environ, wish.directory):
        child |= _ONLY_OURS
        child["ANSIBLE_CALLBACK_PLUGINS"] = str(plugin_folder())
    return child


# An ad hoc command loads callbacks when it is told to, and then all of them, and another stdout callback too. Told here
# for the recording's sake, it must not load what it otherwise would not.
_ONLY_OURS = {
    "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
    "ANSIBLE_CALLBACKS_ENABLED": "job_events",
    "ANSIBLE_STDOUT_CALLBACK": "default",
}


def is_ad_hoc(command: Sequence[str]) -> bool:
    """Return whether a command is ``ansible`` or ``ansible-console``, also behind the likes of ``uv run``."""
    names = (Path(word).name for word in command)
    return next((name for name in names if name.startswith("ansible")), "") in _AD_HOC


def _loads_callbacks(environ: Mapping[str, str], directory: Path) -> bool:
    value = environ.get("ANSIBLE_LOAD_CALLBACK_PLUGINS")
    value = configured(environ, directory, "bin_ansible_callbacks") if value is None else value
    return is_true(value)


def _callback_plugins(environ: Mapping[str, str], directory: Path) -> str:
    ours, theirs = plugin_folder(), effective_path(environ, directory)
    # Not Path.expanduser(), which fails without a home.
    is_known = any(entry and Path(os.path.expanduser(entry)).resolve() == ours for entry in theirs)  # noqa: PTH111
    return os.pathsep.join(theirs if is_known else [*theirs, str(ours)])


def _bootstrap_folder() -> Path:
    return Path(__file__).resolve().parent.parent / "bootstrap"


def _joined(paths: list[str]) -> str:
    return os.pathsep.join(path for path in paths if path)

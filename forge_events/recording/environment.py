# SPDX-License-Identifier: Apache-2.0
"""Compose the environment in which a command is recorded. Nothing that a user has set is lost by it.

Setting ``ANSIBLE_CALLBACK_PLUGINS`` replaces what a user has in their ``ansible.cfg``; to add our folder, what is there
has to be known, as Ansible's own configuration finds it. Entries stay as they were written, but for relative ones of a
file, which Ansible reads relative to it.
"""

from __future__ import annotations

import configparser
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from forge_events import spool
from forge_events.files import open_binary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "Recording",
    "child_environment",
    "config_file",
    "configured",
    "effective_path",
    "is_ad_hoc",
    "is_true",
    "plugin_folder",
]

_AD_HOC = frozenset({"ansible", "ansible-console"})


class Recording(NamedTuple):
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


def child_environment(environ: Mapping[str, str], recording: Recording, recorder_pid: int) -> dict[str, str]:
    """Return the environment for a command: the one given, and what makes Ansible record itself."""
    child = {
        **environ,
        "FORGE_EVENTS_SPOOL_DIR": str(recording.spool.absolute()),
        "FORGE_EVENTS_JOB_UUID": recording.job_uuid,
        "FORGE_EVENTS_RECORDER_PID": str(recorder_pid),
        "FORGE_EVENTS_EARLY_OUTPUT": str(recording.early_output),
        "PYTHONPATH": _joined([str(_bootstrap_folder()), environ.get("PYTHONPATH", "")]),
        "ANSIBLE_CALLBACK_PLUGINS": _callback_plugins(environ, recording.directory),
    }
    if recording.name is not None:
        child["FORGE_EVENTS_JOB_NAME"] = recording.name
    if is_ad_hoc(recording.command) and not _loads_callbacks(environ, recording.directory):
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


_TRUE = frozenset({"1", "on", "t", "true", "y", "yes"})
_SYSTEM_PLUGINS = "/usr/share/ansible/plugins/callback"
_SYSTEM_CONFIG = Path("/etc/ansible/ansible.cfg")


def plugin_folder() -> Path:
    """Return the folder that holds the callback plugin: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "plugins" / "callback"
    return installed if installed.is_dir() else package.parent / "plugins" / "callback"


def config_file(environ: Mapping[str, str], directory: Path) -> Path | None:
    """Return the ``ansible.cfg`` that Ansible reads when it is started in a directory; None if there is none."""
    for path in _config_candidates(environ, directory):
        if os.access(path, os.R_OK):
            return path
    return None


def configured(environ: Mapping[str, str], directory: Path, key: str) -> str | None:
    """Return the value of a key in section ``defaults`` of the ``ansible.cfg`` that counts; None if it is not set.

    A file that Ansible cannot read either counts as empty: Ansible is going to say so itself.
    """
    path = config_file(environ, directory)
    parser = configparser.ConfigParser(inline_comment_prefixes=(";",))
    try:
        parser.read_string(_read(path) if path else "")
    except (OSError, ValueError, configparser.Error):
        return None
    return parser.get("defaults", key, raw=True, fallback=None)


def _read(path: Path) -> str:
    """Return the text of a file; a pipe is left to Ansible, since it can be read but once."""
    with open_binary(path, follows=True) as file:
        return file.read().decode("utf-8")


def is_true(value: str | None) -> bool:
    """Return whether a setting that is a text means yes to Ansible; one that is not set does not."""
    return (value or "").strip("\"'").lower() in _TRUE


def effective_path(environ: Mapping[str, str], directory: Path) -> list[str]:
    """Return the folders that Ansible is going to search for callbacks, in order."""
    from_environment = environ.get("ANSIBLE_CALLBACK_PLUGINS")
    if from_environment is not None:
        return from_environment.split(os.pathsep)
    from_file = _configured_paths(environ, directory, "callback_plugins")
    if from_file:
        return from_file
    homes = _configured_paths(environ, directory, "home") or ["~/.ansible"]
    return [f"{environ.get('ANSIBLE_HOME') or homes[0]}/plugins/callback", _SYSTEM_PLUGINS]


def _config_candidates(environ: Mapping[str, str], directory: Path) -> Iterator[Path]:
    named = environ.get("ANSIBLE_CONFIG")
    if named is not None:
        path = directory / _expanded(named, environ)
        yield path / "ansible.cfg" if os.path.isdir(path) else path  # noqa: PTH112 - it raises nothing
    # Anybody could have put a file into a directory that is open to the world.
    if not directory.stat().st_mode & stat.S_IWOTH:
        yield directory / "ansible.cfg"
    yield Path(_expanded("~/.ansible.cfg", environ))
    yield _SYSTEM_CONFIG


def _configured_paths(environ: Mapping[str, str], directory: Path, key: str) -> list[str]:
    """Return the folders that a key of ``ansible.cfg`` names, relative ones from where the file is; none if not set."""
    value, path = configured(environ, directory, key), config_file(environ, directory)
    if value is None or path is None:
        return []
    entries = value.split(os.pathsep)
    return [entry if entry.startswith(("/", "~", "$", "{{")) else str(path.parent / entry) for entry in entries]


def _expanded(path: str, environ: Mapping[str, str]) -> str:
    """Expand ``~`` and variables as of an environment that need not be this process's."""
    home = environ.get("HOME")
    if home and (path == "~" or path.startswith("~/")):
        path = home + path[1:]
    return os.path.expanduser(os.path.expandvars(path))  # noqa: PTH111 - Path's own fails without a home

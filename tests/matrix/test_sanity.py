# SPDX-License-Identifier: Apache-2.0
"""``ansible-test sanity`` finds nothing in the collection, on the oldest, a middle and the newest ansible-core.

All of its tests run and none has an ignore file. Two have nothing to look at: ``pslint`` wants PowerShell and
``shellcheck`` shell scripts, and the collection has neither.

ansible-test fills an environment for each of its tests by a script that it downloads, ``get-pip.py``, which brings a
pip of a certain version. That version comes from the package index instead, as every other package: a stand-in for the
script lies in ansible-test's cache.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import sys

import pytest

from tests.matrix import environments

ROOT = pathlib.Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "sanity"
NEWEST = max(environments.SHORT)
COMBINATIONS = [
    pytest.param(combination, id=str(combination), marks=[] if combination == NEWEST else [pytest.mark.full])
    for combination in sorted(environments.SHORT)
]

STAND_IN = """\
import subprocess, sys
wanted = [argument for argument in sys.argv[1:] if not argument.startswith("--no-")]
sys.exit(subprocess.call([{python!r}, "-m", "pip", "--python", sys.executable, "install", "--quiet", *wanted]))
"""


@pytest.fixture(params=COMBINATIONS)
def environment(request):
    environment = environments.make(request.param)
    if environment is None:
        pytest.skip(f"this machine has no Python to run ansible-core {request.param.core} on")
    return environment


@pytest.fixture
def home(environment):
    """Return a home whose cache has a stand-in for each ``get-pip`` that this ansible-test may ask for."""
    home = CACHE / str(environment.combination)
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (source,) = environment.folder.glob("lib/python3*/site-packages/ansible_test/_internal/python_requirements.py")
    versions = re.findall(r"\bpip='([\d.]+)'", source.read_text(encoding="utf-8"))
    assert versions
    for version in versions:
        stand_in = cache / f"get_pip_{version.replace('.', '_')}.py"
        stand_in.write_text(STAND_IN.format(python=sys.executable), encoding="utf-8")
    return home


@pytest.fixture
def copy(tmp_path):
    """Copy the collection, with files for its links, to where ansible-test takes a folder for a collection."""
    folder = tmp_path / "ansible_collections" / "forge" / "events"
    shutil.copytree(ROOT / "collection", folder, ignore=shutil.ignore_patterns("__pycache__", ".keep"))
    return folder


def test_sanity(environment, home, copy):
    python = environment.combination.python
    command = ["ansible-test", "sanity", "--local", "--python", python, "--color", "no"]
    done = environment.run(*command, cwd=copy, env={"HOME": str(home)}, timeout=1200)
    assert done.returncode == 0, "\n".join(re.findall(r"(?m)^(?:ERROR|FATAL).*", done.stdout)) or done.stdout
    assert len(re.findall(r'(?m)^Running sanity test "', done.stdout)) > 20

# SPDX-License-Identifier: Apache-2.0
"""The tarball of the collection holds the plugin and every part of it, as files."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import tarfile
import tomllib

import pytest
import yaml

BIN = pathlib.Path(sys.executable).parent


@pytest.fixture
def packed(tarball):
    with tarfile.open(tarball) as archive:
        yield archive


@pytest.fixture(scope="module")
def galaxy(root):
    return yaml.safe_load((root / "collection" / "galaxy.yml").read_text(encoding="utf-8"))


def plugin_files(root):
    return sorted(path.relative_to(root).as_posix() for path in (root / "plugins").glob("*/*.py"))


def test_every_file_of_plugins_is_in_it_as_a_regular_file_with_the_same_content(root, packed):
    files = {member.name: member for member in packed.getmembers() if member.name.startswith("plugins/")}
    assert sorted(name for name, member in files.items() if not member.isdir()) == plugin_files(root)
    for name in plugin_files(root):
        assert files[name].isfile(), f"{name} is not a regular file"
        assert packed.extractfile(files[name]).read() == (root / name).read_bytes()


def test_the_parts_that_are_links_are_the_modules_of_the_library(root, packed):
    for name in ("_excerpts", "censoring", "command_lines", "hierarchy", "spool", "terminal", "values"):
        part = packed.extractfile(f"plugins/plugin_utils/_{name.lstrip('_')}.py").read()
        assert part == (root / "forge_events" / f"{name}.py").read_bytes()


def test_it_brings_the_texts_of_its_licenses(root, packed, galaxy):
    for license_ in galaxy["license"]:
        assert packed.extractfile(f"LICENSES/{license_}.txt").read() == (root / f"LICENSES/{license_}.txt").read_bytes()


def test_it_holds_nothing_but_what_belongs_in_it(packed):
    known = re.compile(r"(MANIFEST|FILES)\.json|README\.md|CHANGELOG\.rst|(LICENSES|meta|changelogs|plugins)(/.*)?")
    names = [member.name for member in packed.getmembers()]
    assert [name for name in names if not known.fullmatch(name) or "__pycache__" in name] == []


def test_its_version_is_that_of_the_library(root, galaxy):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert galaxy["version"] == project["version"]


def test_its_changelog_is_sound(root):
    command = [str(BIN / "antsibull-changelog"), "lint"]
    done = subprocess.run(command, cwd=root / "collection", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_asks_for_the_ansible_that_the_plugin_works_with(root):
    runtime = yaml.safe_load((root / "collection" / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime == {"requires_ansible": ">=2.16.0"}

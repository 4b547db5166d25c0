# SPDX-License-Identifier: Apache-2.0
"""The wheel works where nothing else of the checkout is, and the sdist builds the same wheel."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import zipfile

import pytest

from tests.cli.story import DRAWING


def build(root, folder, *what):
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), *what, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    return build(root, tmp_path_factory.mktemp("wheel"), "--wheel")


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def test_the_sdist_builds_the_same_wheel(root, wheel, tmp_path):
    assert contents(build(root, tmp_path)) == contents(wheel)


def test_the_plugin_and_its_parts_are_regular_files(root, wheel):
    expected = {path.relative_to(root).as_posix(): path.read_bytes() for path in (root / "plugins").glob("*/*.py")}
    packed = {name.removeprefix("forge_events/"): data for name, data in contents(wheel).items() if "/plugins/" in name}
    assert packed == expected
    with zipfile.ZipFile(wheel) as archive:
        modes = [info.external_attr >> 16 for info in archive.infolist()]
    assert not any(stat.S_ISLNK(mode) for mode in modes)


def test_it_holds_the_library_and_nothing_of_the_checkout_besides(wheel):
    names = contents(wheel)
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"forge_events"}
    assert "forge_events/py.typed" in names
    assert [name for name in names if name.endswith(".pyc")] == []


def test_it_brings_the_page_and_what_others_wrote_for_it(root, wheel):
    folder = root / "forge_events/web"
    files = [file for part in ("static", "templates") for file in (folder / part).rglob("*") if file.is_file()]
    assert {str(file.relative_to(root)) for file in files} <= set(contents(wheel))


def test_it_brings_all_licenses(wheel):
    names = [name.partition(".dist-info/licenses/")[2] for name in contents(wheel) if ".dist-info/licenses/" in name]
    vendored = {"LICENSES/BSD-3-Clause-lit-html.txt", "LICENSES/MIT-ansi_up.txt"}
    assert {*names} - vendored == {"LICENSE", "LICENSES/Apache-2.0.txt", "LICENSES/GPL-3.0-or-later.txt"}
    assert vendored <= {*names}


def test_installed_alone_it_records_the_example_and_draws_it(root, wheel, tmp_path):
    venv = tmp_path / "a clean environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python"), "install", "--quiet", str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    env = {
        "HOME": str(tmp_path),
        "FORGE_EVENTS_HOME": str(tmp_path / "home"),
        "LC_ALL": "C.UTF-8",
        "PATH": f"{venv / 'bin'}{os.pathsep}{os.defpath}",
    }

    def forge_events(*arguments):
        command = [str(venv / "bin" / "forge-events"), *arguments]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout

    example = root / "examples" / "job-events"
    playbook = ["ansible-playbook", "-i", str(example / "inventory.ini"), str(example / "main.yml")]
    forge_events("record", "--", *playbook)
    assert forge_events("tree", "latest", "--no-skipped") == DRAWING

# SPDX-License-Identifier: Apache-2.0
"""A browser for the tests: Debian's chromium, driven by playwright from an environment of its own."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

CACHE = pathlib.Path(__file__).parent.parent.parent / ".cache"
PLAYWRIGHT, AXE = "playwright>=1.56", "axe-core@4.14.1"


def own_environment(name: str, *packages: str) -> pathlib.Path:
    """Make a folder of packages in .cache, once, and return it; skip where that cannot be."""
    folder = CACHE / name
    mark = folder / "complete"
    if not mark.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *packages]
        made = subprocess.run(pip, check=False, capture_output=True, text=True)
        if made.returncode:
            pytest.skip(f"{packages[0]} cannot be installed here: {made.stderr.strip().splitlines()[-1:]}")
        mark.touch()
    return folder


@contextlib.contextmanager
def chromium(*arguments: str) -> Iterator[Any]:
    """Give a running browser; skip where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("there is no chromium here: apt-get install chromium")
    folder = str(own_environment("playwright", PLAYWRIGHT))
    if folder not in sys.path:
        sys.path.append(folder)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", *arguments]
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


def axe() -> str:
    """Return axe-core's script; skip where npm cannot fetch it."""
    file = CACHE / "axe.min.js"
    if not file.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("there is no npm here to fetch axe-core with")
        with contextlib.ExitStack() as stack:
            import tarfile
            import tempfile

            folder = stack.enter_context(tempfile.TemporaryDirectory())
            made = subprocess.run([npm, "pack", AXE, "--silent"], cwd=folder, check=False, capture_output=True)
            tarball = next(pathlib.Path(folder).glob("*.tgz"), None)
            if made.returncode or tarball is None:
                pytest.skip("npm cannot fetch axe-core here")
            archive = stack.enter_context(tarfile.open(tarball))
            member = archive.extractfile("package/axe.min.js")
            assert member is not None
            file.write_bytes(member.read())
    return file.read_text()

# SPDX-License-Identifier: Apache-2.0
"""``make`` alone tells what it can do."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make on the PATH")
def test_every_target_is_listed_with_what_it_does(root):
    targets = re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    listed = subprocess.run(["make"], cwd=root, capture_output=True, text=True, check=True).stdout
    assert sorted(targets) == sorted(re.findall(r"^  make ([a-z-]+) +\S", listed, flags=re.MULTILINE))

# SPDX-License-Identifier: Apache-2.0
"""A file that imports ansible is GPL-3.0-or-later, every other one Apache-2.0; each says so in its first line."""

from __future__ import annotations

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[2]
FILES = sorted(
    path for top in ("forge_events", "plugins", "tests") for path in (ROOT / top).rglob("*.py") if not path.is_symlink()
)


def imports_ansible(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    plain = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    parts = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    return any(name.partition(".")[0] == "ansible" for name in plain + parts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_names_its_license(path):
    expected = "GPL-3.0-or-later" if imports_ansible(path) else "Apache-2.0"
    comments = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert f"# SPDX-License-Identifier: {expected}" in comments[:2]  # the first may be a shebang

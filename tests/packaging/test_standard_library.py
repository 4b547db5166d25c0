# SPDX-License-Identifier: Apache-2.0
"""What ships inside the collection imports nothing but the standard library, ansible and its own parts."""

from __future__ import annotations

import ast
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
NAMES = ("_excerpts", "censoring", "command_lines", "hierarchy", "spool", "terminal", "user", "values")
SHARED = [ROOT / "forge_events" / f"{name}.py" for name in NAMES]
PLUGINS = [path for path in sorted(ROOT.glob("plugins/*/*.py")) if not path.is_symlink()]


def imported(path):
    """Yield the top name of every import, wherever it stands; an import from the own package begins with a dot."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "").partition(".")[0]


def name(path):
    return path.name


@pytest.mark.parametrize("path", SHARED, ids=name)
def test_a_shared_module_imports_the_standard_library_alone(path):
    # One of them may import another that has the same name in both places.
    assert [top for top in imported(path) if top not in {*sys.stdlib_module_names, "._excerpts"}] == []


@pytest.mark.parametrize("path", PLUGINS, ids=name)
def test_the_plugin_imports_the_standard_library_ansible_and_its_parts_alone(path):
    others = [top for top in imported(path) if top not in sys.stdlib_module_names and not top.startswith(".")]
    assert set(others) <= {"ansible"}


def test_every_link_beside_the_plugin_leads_to_a_shared_module():
    links = [path for path in ROOT.glob("plugins/*/*.py") if path.is_symlink()]
    assert sorted(path.resolve() for path in links) == sorted(SHARED)

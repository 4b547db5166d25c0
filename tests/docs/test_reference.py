# SPDX-License-Identifier: Apache-2.0
"""The reference says what the code does."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest
import yaml

from forge_events import errors
from forge_events.events import JobEvent
from forge_events.hierarchy import EVENTS
from forge_events.settings import Settings

ROOT = pathlib.Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])


def rows(page: str) -> list[list[str]]:
    """Return the cells of all tables of a reference page."""
    lines = (DOCS / "reference" / page).read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def plugin_options() -> dict[str, dict]:
    tree = ast.parse((ROOT / "plugins" / "callback" / "job_events.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DOCUMENTATION":
            options: dict[str, dict] = yaml.safe_load(ast.literal_eval(node.value))["options"]
            return options
    raise LookupError("the plugin documents nothing")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_reference(name):
    row = next(row for row in rows("settings.md") if row[0] == f"`FORGE_EVENTS_{name.upper()}`")
    assert row[2] == Settings.model_fields[name].description


@pytest.mark.parametrize("name", plugin_options())
def test_every_option_of_the_plugin_is_in_the_reference(name):
    option = plugin_options()[name]
    row = next(row for row in rows("settings.md") if row[0] == f"`{name}`")
    assert row[1] == f"`{option['env'][0]['name']}`"
    assert row[2] == f"`{option['vars'][0]['name']}`"
    assert option["ini"] == [{"section": "callback_job_events", "key": name}]
    if "default" in option:
        assert row[3] == str(option["default"]).lower()


def test_every_exit_code_is_in_the_reference():
    codes = {code for row in rows("settings.md") for code in re.findall(r"\b\d+\b", row[0])}
    raised = {getattr(errors, name).exit_code for name in errors.__all__}
    assert {str(code) for code in raised} <= codes


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_is_in_the_reference_with_its_level(name):
    row = next(row for row in rows("events.md") if len(row) == 3 and f"`{name}`" in row[1])
    assert row[0] == str(EVENTS[name].level)


def test_every_field_is_in_the_reference():
    named = {name for row in rows("events.md") for name in re.findall(r"`(\w+)`", row[0])}
    assert set(JobEvent.model_fields) <= named


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target

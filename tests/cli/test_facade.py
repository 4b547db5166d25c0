# SPDX-License-Identifier: Apache-2.0
"""The public face of the package, and what it costs to look at it."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys

import typer

import forge_events
from forge_events.cli.app import app
from tests.cli.conftest import ROOT


def imported_by(code):
    """Return the modules that a program has imported when it ends."""
    program = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{code}\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_every_public_name_can_be_imported_and_has_a_docstring():
    for name in forge_events.__all__:
        assert getattr(forge_events, name).__doc__
    assert set(forge_events.__all__) <= set(dir(forge_events))


def test_the_public_names_are_those_that_a_type_checker_sees():
    tree = ast.parse(pathlib.Path(forge_events.__file__).read_text("utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.asname for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(forge_events.__all__) == {"errors", *forge_events._MODULES}
    assert len(seen) < 30
    assert sorted(forge_events.__all__) == forge_events.__all__


def test_an_unknown_name_is_no_attribute():
    assert not hasattr(forge_events, "nonsense")


def test_importing_the_package_imports_nothing_else():
    assert not imported_by("import forge_events") & {"pydantic", "sqlalchemy", "typer", "rich", "psutil"}


def test_help_waits_for_no_database():
    code = "import typer; from forge_events.cli.app import app; typer.main.get_command(app).main(['tree', '--help'])"
    assert not imported_by(f"try: {code}\nexcept SystemExit: pass") & {"sqlalchemy", "psutil", "pydantic_settings"}


def test_the_package_is_typed():
    assert (pathlib.Path(forge_events.__file__).parent / "py.typed").is_file()


def test_a_short_command_loads_no_more_than_it_needs(tmp_path):
    code = f"""import os
os.environ["FORGE_EVENTS_HOME"] = {str(tmp_path)!r}
import typer
from forge_events.cli.app import app
for words in (["jobs"], ["jobs"]):
    typer.main.get_command(app).main(words, standalone_mode=False)"""
    found = imported_by(code)
    assert not found & {
        "alembic",
        "forge_events.ingestion.receiver",
        "forge_events.store.filtering",
        "psutil",
        "rich.markdown",
        "sqlalchemy.dialects.postgresql",
        "sqlalchemy.orm",
        "watchfiles",
    }
    assert "sqlalchemy" in found
    # Half of them are SQLAlchemy's, pydantic's and rich's; a new one should be worth its while.
    assert len(found) < 900, len(found)


def test_help_loads_neither_models_nor_tables():
    code = "import typer; from forge_events.cli.app import app; typer.main.get_command(app).main(['--help'])"
    found = imported_by(f"try: {code}\nexcept SystemExit: pass")
    assert not found & {"sqlalchemy", "rich", "pydantic"}
    assert len(found) < 350, len(found)


def test_the_first_sentence_of_every_help_fits_its_list():
    def summaries(group):
        for name, command in group.commands.items():
            yield name, command.get_short_help_str(62)
            yield from summaries(command) if hasattr(command, "commands") else ()

    cut = [name for name, summary in summaries(typer.main.get_command(app)) if summary.endswith("...")]
    assert not cut

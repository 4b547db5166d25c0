# SPDX-License-Identifier: Apache-2.0
"""The page on the life of a job says what the code does, and nothing else."""

from __future__ import annotations

import pathlib
import re

import pytest

from forge_events.jobs import FINAL, TRANSITIONS, JobStatus
from forge_events.store.schema import jobs, transitions

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "job-lifecycle.md"


def table(first_head: str) -> list[list[str]]:
    """Return the rows of the table whose first column has a title."""
    found: list[list[str]] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if found and not cells:
            break
        if found or cells[:1] == [first_head]:
            found.append(cells)
    return found[2:]


def words(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_every_status_has_its_row_and_every_row_is_a_status():
    assert [words(row[0]) for row in table("status")] == [[status.value] for status in JobStatus]


@pytest.mark.parametrize("status", JobStatus)
def test_a_row_says_where_the_status_leads(status):
    row = next(row for row in table("status") if words(row[0]) == [status])
    assert set(words(row[3])) == TRANSITIONS[status]
    assert (row[2] == "nobody") == (status in FINAL)
    assert row[1]
    assert row[4] or status is JobStatus.SUCCESSFUL


def test_every_step_has_its_row_and_every_row_is_a_step():
    described = [(words(row[0])[0], words(row[1])[0]) for row in table("from")]
    assert len(described) == len(set(described))
    assert set(described) == {(old.value, new.value) for old in JobStatus for new in TRANSITIONS[old]}
    assert all(row[2] for row in table("from"))


def test_what_the_database_guards_is_in_its_tables():
    guards = {str(rule.name) for found in (jobs, transitions) for rule in found.constraints}
    guards |= {str(index.name) for found in (jobs, transitions) for index in found.indexes if index.unique}
    assert guards >= {
        *("main_job_status", "main_job_finished", "main_job_unstarted", "main_job_running"),
        *("main_job_one_of_template", "main_jobtransition_old", "main_jobtransition_new", "main_jobtransition_end"),
    }

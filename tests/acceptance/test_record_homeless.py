# SPDX-License-Identifier: Apache-2.0
"""A user without a home and without a name records as everybody does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.cli.conftest import COMMAND

NOBODY = ("unshare", "--user", "--map-user=54321", "--map-group=54321")
PLAYBOOK = "- hosts: all\n  gather_facts: false\n  tasks: [debug: {msg: hello}]\n"


@pytest.fixture
def nobody(tmp_path):
    """Return what runs a command as a user of whom nothing is known."""
    if (
        shutil.which("unshare") is None
        or subprocess.run([*NOBODY, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("no user namespaces can be made here")
    (tmp_path / "site.yml").write_text(PLAYBOOK)
    (tmp_path / "tmp").mkdir(mode=0o777)

    def run(*arguments, **environment):
        known = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TMPDIR": str(tmp_path / "tmp")}
        known["ANSIBLE_PYTHON_INTERPRETER"] = os.path.realpath(sys.executable)
        command = [*NOBODY, *COMMAND, *arguments]
        return subprocess.run(
            command, check=False, cwd=tmp_path, env={**known, **environment}, capture_output=True, text=True
        )

    return run


def test_nothing_has_to_be_set(nobody, tmp_path):
    recorded = nobody("record", "--", "ansible-playbook", "-i", "localhost,", "-c", "local", "site.yml")
    assert recorded.returncode == 0, recorded.stderr
    assert "PLAY RECAP" in recorded.stdout
    job = json.loads(nobody("show", "latest", "--json").stdout)
    assert (job["status"], job["run_by"], job["run_as"]) == ("successful", "uid 54321", "uid 54321")
    assert (tmp_path / "tmp" / "forge-events-54321" / "events.db").is_file()


def test_no_home_is_looked_for_where_every_folder_is_set(nobody, tmp_path):
    folders = {
        "FORGE_EVENTS_DATABASE_URL": f"sqlite:///{tmp_path}/x.db",
        "FORGE_EVENTS_SPOOL_DIR": str(tmp_path / "spool"),
        "FORGE_EVENTS_WORK_DIR": str(tmp_path / "work"),
    }
    ran = nobody("run", "site.yml", "-i", "localhost,", **folders, ANSIBLE_HOME=str(tmp_path / "ansible"))
    assert ran.returncode == 0, ran.stderr
    jobs = json.loads(nobody("jobs", "--json", **folders).stdout)
    assert [(job["status"], job["run_by"]) for job in jobs] == [("successful", "uid 54321")]


def test_a_tilde_that_leads_nowhere_is_told_of(nobody):
    refused = nobody("jobs", FORGE_EVENTS_HOME="~/data")
    complaint = "the setting FORGE_EVENTS_HOME cannot be used: this user has no home folder, so ~ leads nowhere"
    assert (refused.returncode, refused.stderr) == (7, f"forge-events: {complaint}\n")

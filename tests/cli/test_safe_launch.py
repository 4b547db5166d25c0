# SPDX-License-Identifier: Apache-2.0
"""What whoever launches a job cannot do by it, through the real dispatcher and Ansible."""

from __future__ import annotations

import datetime
import json
import uuid

import pytest

from forge_events import open_store
from forge_events.jobs import NewJob
from forge_events.launches import Launch

SAYS = """
- hosts: all
  gather_facts: false
  tasks:
    - set_fact: {copied: "{{ said }}"}
    - debug: {msg: "{{ said }} {{ copied }} {{ owner }}"}
    - fail: {msg: "{{ inventory_hostname }}"}
      when: inventory_hostname in (bad | default([]))
    - debug: {msg: a}
      when: "{{ said }}"
      ignore_errors: true
"""
HOSTS = {
    "all": {
        "vars": {"ansible_connection": "local"},
        "hosts": {"db prod": None, "web*": None, "a:b": None, "one": None},
        "children": {"prod": {"hosts": {"h1": None, "h2": None}}, "one": {"hosts": {"h1": None}}},
    }
}


@pytest.fixture
def project(tmp_path):
    """Return a project whose playbook needs the configuration and roles at its root."""
    folder = tmp_path / "project"
    (folder / "plays").mkdir(parents=True)
    (folder / "parts" / "base" / "tasks").mkdir(parents=True)
    (folder / "parts" / "base" / "tasks" / "main.yml").write_text("- debug: {msg: from the role}\n")
    (folder / "ansible.cfg").write_text("[defaults]\nroles_path = parts\ninventory = hosts.yml\n")
    (folder / "hosts.yml").write_text(json.dumps(HOSTS))
    (folder / "plays" / "site.yml").write_text(SAYS)
    (folder / "plays" / "role.yml").write_text("[{hosts: one, gather_facts: false, roles: [base]}]")
    return folder


def ran(cli, job):
    """Run a job, and return the names of its hosts."""
    cli("dispatcher", "--only", job)
    return {host["host_name"] for host in cli.good("hosts", job, "--json").json}


def queued(cli, *words, **options):
    return cli(*words, **options).text.strip()


def test_what_is_given_to_a_template_is_never_rendered(cli, project):
    evil = f"lookup('pipe', 'touch {project}/rendered')"
    owner = json.dumps({"owner": "{{ 40 + 2 }}"})
    cli.good("template", "create", "t", "plays/site.yml", "-e", owner, "--ask", "extra_vars", cwd=project)
    for said in (f"{{{{ {evil} }}}}", evil, f"{{% if {evil} %}}{{% endif %}}"):
        job = queued(cli, "template", "launch", "t", "-e", json.dumps({"said": said}))
        ran(cli, job)
        again = queued(cli, "relaunch", job)
        ran(cli, again)
        for done in (job, again):
            assert f"{said} {said} 42" in cli.good("stdout", done).text.replace("\\", "")
    assert not (project / "rendered").exists()


def test_the_same_words_mean_the_same_as_to_ansible(cli, project):
    result = cli("run", "plays/role.yml", cwd=project)
    assert (result.rc, "from the role" in result.text) == (0, True)
    assert cli.good("show", "latest", "--json").json["directory"] == str(project)


@pytest.mark.parametrize("failed", [["db prod"], ["web*"], ["one", "a:b"]])
def test_a_relaunch_is_for_these_very_hosts(cli, project, failed):
    cli.home = project.parent / "a home"
    cli.home.mkdir()
    variables = json.dumps({"said": "a", "owner": "b", "bad": failed})
    cli("run", "plays/site.yml", "-e", variables, cwd=project)
    assert ran(cli, queued(cli, "relaunch", "latest", "--failed-hosts")) == set(failed)


def test_a_job_that_is_older_than_a_rule_ends_and_holds_up_nobody(cli, project):
    at = datetime.datetime.now(datetime.UTC)
    cli.good("jobs")
    old = Launch(playbook="plays/role.yml", project=str(project), limit=f"@{project}/ansible.cfg")
    job = NewJob(uuid=str(uuid.uuid4()), name="old", launch_type="manual", command=[], created=at)
    with open_store(f"sqlite:///{cli.home}/events.db") as store:
        made = store.queue.add(job, old, queue=0, after=[], at=at, by="me")
    assert cli("run", "plays/role.yml", cwd=project).rc == 0
    cli("dispatcher", "--only", str(made.id))
    found = cli.good("show", str(made.id), "--json").json
    assert (found["status"], "limit cannot be used" in found["job_explanation"]) == ("error", True)
    assert "roles_path" not in cli.good("stdout", str(made.id)).text

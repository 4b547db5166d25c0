# SPDX-License-Identifier: Apache-2.0
"""Jobs in execution environments, run by a real podman from a thin image."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from forge_events.dispatcher.container import name_of
from tests.cli.conftest import CommandLine
from tests.dispatcher.checks import survivors
from tests.dispatcher.engine import until

if TYPE_CHECKING:
    import pathlib

    from tests.podman import Podman

TWO = """
- hosts: all
  gather_facts: false
  roles: [greeter]
  tasks:
    - name: tell
      debug:
        msg: "{{ beside | default('-') }} {{ from_file | default('-') }} {{ given | default('-') }}"
    - name: where
      command: sh -c 'echo "$HOME $PWD $(id -u)"'
    - name: work
      command: sleep {{ seconds | default(0) }}
    - name: write
      copy: {content: written, dest: "{{ playbook_dir }}/written"}
      run_once: true
    - name: fail
      command: "false"
      when: inventory_hostname in (bad | default([]))
"""
LOCAL = "ansible_connection: local\nbeside: variables beside the inventory\n"
CALLBACK = """
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "greeting"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook):
        self._display.display("the project's own callback is here")
"""
CONFIG = "[defaults]\ncallback_plugins = callbacks\ncallbacks_enabled = greeting\n"


@dataclasses.dataclass
class Contained:
    """The command line with a project and an image, and a podman that both have to themselves."""

    cli: CommandLine
    podman: Podman
    image: str
    project: pathlib.Path

    def start(self, *words, **options):
        env = {**self.podman.environment, **options.pop("env", {})}
        return self.cli.start(*words, cwd=self.project, env=env, **options)

    def run(self, *words, image=None, **options):
        with self.start("run", "two.yml", *words, "--ee", image or self.image, **options) as process:
            out, err = process.communicate(timeout=120)
        assert self.podman.containers() == []
        return process.returncode, out.decode(), err.decode()

    def facts(self):
        return self.cli.good("show", "latest", "--json").json

    def container(self):
        return name_of(self.facts()["uuid"])

    def working(self, *words):
        """Start a job that works for minutes, and return it when it does."""
        process = self.start("run", "two.yml", *words, "-e", "seconds=300", "--ee", self.image)
        until(lambda: b"TASK [work]" in process.stdout.readline())
        assert self.podman.containers() == [self.container()]
        return process

    def ended(self, process):
        """Return how a job ended, of which nothing is left."""
        process.communicate(timeout=60)
        found = self.facts()
        until(lambda: self.podman.containers() == [])
        until(lambda: survivors([found["uuid"]]) == [])
        assert not [path for path in self.cli.home.glob("*/*") if found["uuid"] in path.name]
        return found["status"], found["job_explanation"]


@pytest.fixture
def contained(podman, image, tmp_path):
    home, project = tmp_path / "home", tmp_path / "a project"
    for folder in (home, project / "roles" / "greeter" / "tasks", project / "hosts" / "group_vars"):
        folder.mkdir(parents=True)
    (project / "two.yml").write_text(TWO)
    (project / "roles" / "greeter" / "tasks" / "main.yml").write_text("- {name: greet, debug: {msg: hello}}\n")
    (project / "hosts" / "list").write_text("one\ntwo\n")
    (project / "hosts" / "group_vars" / "all.yml").write_text(LOCAL)
    yield Contained(CommandLine(home), podman, image, project)
    podman("rm", "--force", "--all", "--time=0", is_checked=False)


def test_the_image_has_ansible_core_and_none_of_ours(podman, image):
    assert "core" in podman("run", "--rm", image, "ansible-playbook", "--version").stdout
    missing = podman("run", "--rm", image, "python", "-c", "import forge_events", is_checked=False)
    assert "No module named 'forge_events'" in missing.stderr
    assert podman("run", "--rm", image, "sh", "-c", "echo $HOME; id -u").stdout == "/home/runner\n0\n"


def test_a_job_in_a_container_is_the_job_of_the_machine(contained):
    rc, text, err = contained.run("-i", "hosts")
    assert (rc, err) == (0, "")
    assert f'"stdout": "/home/runner {contained.project} 0"' in contained.cli.good("events", "latest", "--json").text
    tree = contained.cli.good("tree", "latest", "--all").text
    assert (contained.project / "written").read_text() == "written"
    (contained.project / "written").unlink()
    outside = contained.cli("run", "two.yml", "-i", "hosts", cwd=contained.project)
    assert sorted(outside.lines) == sorted(text.splitlines())  # two hosts come in any order
    assert contained.cli.good("tree", "latest", "--all").text == tree


def test_colours_are_those_of_a_terminal_and_of_the_project(contained):
    contained.run("-i", "hosts")
    assert "\\u001b[0;32mok: [one]" in contained.cli.good("events", "latest", "--json").text
    (contained.project / "ansible.cfg").write_text("[defaults]\nnocolor = true\n")
    contained.run("-i", "hosts")
    assert "\\u001b" not in contained.cli.good("events", "latest", "--json").text


@pytest.mark.parametrize("source", ["inventories/hosts", "inventories", "inventories/script"])
def test_an_inventory_elsewhere_comes_along_with_the_variables_beside_it(contained, source):
    folder = contained.project.parent / "inventories"
    (folder / "group_vars").mkdir(parents=True)
    (folder / "group_vars" / "all.yml").write_text(LOCAL)
    if source.endswith("script"):
        (folder / "script").write_text('#!/bin/sh\necho \'{"all": {"hosts": ["one"]}}\'\n')
        (folder / "script").chmod(0o755)
    else:
        (folder / "hosts").write_text("one\n")
    rc, text, _ = contained.run("-i", f"../{source}", "-i", "other,")
    assert rc == 0
    assert "variables beside the inventory" in text
    assert "ok: [other]" in text


def test_an_inventory_that_is_a_link_out_of_the_project_comes_along(contained):
    (contained.project.parent / "real").write_text("one ansible_connection=local\n")
    (contained.project / "link").symlink_to("../real")
    rc, text, _ = contained.run("-i", "link")
    assert (rc, "ok: [one]" in text) == (0, True)


def test_variables_come_along_from_wherever_they_are(contained):
    (contained.project.parent / "my, vars: all.yml").write_text("from_file: outside\n")
    rc, text, _ = contained.run("-i", "hosts", "-e", "@../my, vars: all.yml", "-e", "given=told")
    assert (rc, "outside told" in text) == (0, True)
    (contained.project / "vars.yml").write_text("from_file: inside\n")
    rc, text, _ = contained.run("-i", "hosts", "-e", "@vars.yml")
    assert (rc, "inside -" in text) == (0, True)


def test_a_playbook_elsewhere_comes_along_with_what_lies_beside_it(contained):
    elsewhere = contained.project.parent / "elsewhere"
    contained.project.rename(elsewhere)
    contained.project.mkdir()
    with contained.start("run", elsewhere / "two.yml", "-i", elsewhere / "hosts", "--ee", contained.image) as process:
        out, _ = process.communicate(timeout=120)
    assert (process.returncode, b'"msg": "hello"' in out) == (0, True)


def test_a_long_limit_is_kept(contained):
    limit = ",".join(["one", *(f"host-{number:05}.example.org" for number in range(5000))])
    (contained.project / "two.yml").write_text("- hosts: one\n  gather_facts: false\n  tasks: [{debug: }]\n")
    rc, text, _ = contained.run("-i", "hosts", "--limit", limit)
    assert (rc, "ok: [one]" in text) == (0, True)


def test_the_projects_configuration_and_callback_count(contained):
    (contained.project / "callbacks").mkdir()
    (contained.project / "callbacks" / "greeting.py").write_text(CALLBACK)
    (contained.project / "ansible.cfg").write_text(CONFIG)
    rc, text, _ = contained.run("-i", "hosts")
    assert (rc, "the project's own callback is here" in text) == (0, True)


def test_a_playbook_that_fails_has_failed(contained):
    rc, _, _ = contained.run("-i", "hosts", "-e", '{"bad": ["two"]}')
    assert (rc, contained.facts()["status"]) == (2, "failed")


@pytest.mark.parametrize("text", ["- hosts: [", "- hosts: all\n  tasks: [{nonsense: 1}]\n"])
def test_a_playbook_that_ansible_refuses_has_failed(contained, text):
    (contained.project / "two.yml").write_text(text)
    rc, _, _ = contained.run("-i", "hosts")
    assert (rc, contained.facts()["status"]) == (4, "failed")
    assert "exit code 4: " in contained.facts()["job_explanation"]


def test_a_job_that_asks_gets_no_answer_and_does_not_wait(contained):
    (contained.project / "two.yml").write_text("- hosts: all\n  vars_prompt: [{name: secret}]\n  tasks: [{pause: }]\n")
    contained.run("-i", "hosts", "--timeout", "60")
    assert "longer than" not in contained.facts()["job_explanation"]


def test_no_list_of_processes_shows_a_variable(contained):
    process = contained.working("-i", "hosts", "-e", "given=hush-hush")
    try:
        lines = [" ".join(other.info["cmdline"] or ()) for other in psutil.process_iter(["cmdline"])]
        name = contained.container()
        ours = [line for line in lines if name in line]
        assert ours
        assert not [line for line in ours if "hush-hush" in line]
    finally:
        process.send_signal(signal.SIGINT)
        contained.ended(process)


def test_a_job_that_is_canceled_leaves_no_container(contained):
    process = contained.working("-i", "hosts")
    process.send_signal(signal.SIGINT)
    assert contained.ended(process)[0] == "canceled"
    assert process.returncode == 9


def test_a_job_that_takes_too_long_leaves_no_container(contained):
    contained.run("-i", "hosts", "-e", "seconds=300", "--timeout", "12")
    found = contained.facts()
    assert (found["status"], "longer than its 12 s" in found["job_explanation"]) == ("failed", True)


def test_a_job_whose_process_is_killed_is_an_error_and_leaves_no_container(contained):
    process = contained.working("-i", "hosts")
    os.kill(owner_of(contained.container()).ppid(), signal.SIGKILL)
    status, words = contained.ended(process)
    assert (status, "was killed by SIGKILL" in words) == ("error", True)


def test_a_job_whose_podman_is_killed_is_an_error_and_leaves_no_container(contained):
    process = contained.working("-i", "hosts")
    owner_of(contained.container()).kill()
    assert contained.ended(process)[0] == "error"


@pytest.mark.parametrize("words", [["kill"], ["rm", "--force", "--time=0"]], ids=" ".join)
def test_a_job_whose_container_is_killed_is_an_error(contained, words):
    process = contained.working("-i", "hosts")
    contained.podman(*words, contained.container())
    assert contained.ended(process) == ("error", "its container was killed (137, SIGKILL: out of memory?)")


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("localhost:1/forge/none:1", "connection refused"),
        ("registry.invalid/forge/none:1", "registry.invalid"),
        ("NO NAME", "invalid reference format"),
    ],
)
def test_an_image_that_cannot_be_had_is_an_error_in_podmans_words(contained, image, words):
    rc, _, err = contained.run("-i", "hosts", image=image)
    assert (rc, contained.facts()["status"]) == (8, "error")
    assert re.search(f"a container of {image} could not be started: .*{words}", contained.facts()["job_explanation"])
    assert words in err


def test_an_image_that_is_never_fetched_is_missing_at_once(contained):
    rc, _, err = contained.run("-i", "hosts", image="localhost/none:1", env={"FORGE_EVENTS_CONTAINER_PULL": "never"})
    assert rc == 8
    assert "localhost/none:1: image not known" in err


def test_credentials_reach_the_registry_and_not_the_job(contained, tmp_path):
    (tmp_path / "auth.json").write_text('{"auths": {"localhost:1": {"auth": "dXNlcjpwYXNz"}}}')
    env = {"FORGE_EVENTS_CONTAINER_AUTH_FILE": str(tmp_path / "auth.json")}
    playbook = "- hosts: all\n  gather_facts: false\n  tasks: [{command: env}, {command: ls %s}]\n"
    (contained.project / "two.yml").write_text(playbook % tmp_path)
    rc, _, _ = contained.run("-i", "hosts", env=env)
    events = contained.cli.good("events", "latest", "--json").text
    assert (rc, "auth.json" in events, "AUTH_FILE" in events) == (0, False, False)


def test_an_image_without_ansible_is_an_error_in_podmans_words(contained, podman, tmp_path):
    exported = tmp_path / "bare.tar"
    container = podman("create", contained.image, "true").stdout.strip()
    podman("export", f"--output={exported}", container)
    podman("rm", container)
    podman("import", "--change=ENV PATH=/usr/bin", str(exported), "localhost/bare:1")
    rc, _, err = contained.run("-i", "hosts", image="localhost/bare:1")
    assert (rc, "ansible-playbook" in err, "not found" in err) == (8, True, True)


def test_what_runs_inside_cannot_reach_the_spools_of_others(contained):
    spool = contained.cli.spool
    spool.mkdir()
    (spool / "secret.txt").write_text("of another job")
    (contained.project / "two.yml").write_text(
        f"- hosts: one\n  gather_facts: false\n  tasks: [{{command: find '{spool}' -type f}}]\n"
    )
    rc, _, _ = contained.run("-i", "hosts")
    assert (rc, "secret.txt" in contained.cli.good("events", "latest", "--json").text) == (0, False)


def owner_of(container):
    """Return the process of podman that a job's process has started."""
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "podman" and f"--name={container}" in (process.info["cmdline"] or ()):
            return process
    raise AssertionError("there is no podman of this job")

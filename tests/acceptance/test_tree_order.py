# SPDX-License-Identifier: Apache-2.0
"""The tree is drawn the same, whichever strategy played it and whichever host was slow."""

from __future__ import annotations

import json
import sys

import pytest

from tests.cli.conftest import CommandLine

FILES = {
    "site.yml": """
- name: hosts go ways of their own
  hosts: all
  gather_facts: false
  tasks:
    - name: first
      ansible.builtin.command: sleep {{ 1.5 if inventory_hostname == slow | default('') else 0 }}
    - name: includes for a
      ansible.builtin.include_tasks: more.yml
      when: inventory_hostname == 'a'
    - name: notifies
      ansible.builtin.command: "true"
      notify: handler
    - name: of a alone
      ansible.builtin.meta: flush_handlers
      when: inventory_hostname == 'a'
    - name: tries
      block:
        - name: includes for all
          ansible.builtin.include_tasks: tries.yml
        - name: is not reached by a
          ansible.builtin.debug: {msg: reached}
      rescue:
        - name: rescues
          ansible.builtin.debug: {msg: rescued}
    - ansible.builtin.meta: noop
    - name: fails on b
      ansible.builtin.command: "test {{ inventory_hostname }} != b"
    - name: after
      ansible.builtin.debug: {msg: after}
    - name: the last
      ansible.builtin.meta: flush_handlers
  handlers:
    - name: handler
      ansible.builtin.debug: {msg: handled}
""",
    "more.yml": "[{name: included for a, ansible.builtin.debug: {msg: a}}]\n",
    "tries.yml": """
- name: fails on a
  ansible.builtin.command: "test {{ inventory_hostname }} != a"
- name: goes on
  ansible.builtin.debug: {msg: on}
""",
}


@pytest.fixture
def cli(tmp_path):
    (tmp_path / "home").mkdir()
    return CommandLine(tmp_path / "home")


@pytest.fixture
def tasks(cli, tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    hosts = "".join(f"{name} ansible_connection=local ansible_python_interpreter={sys.executable}\n" for name in "abc")
    (tmp_path / "hosts").write_text(hosts)

    def drawn(strategy: str, slow: str = "") -> tuple[list[str], list[str]]:
        """Return the names of the tasks as they were announced and as they are drawn."""
        command = ["ansible-playbook", "-i", str(tmp_path / "hosts"), str(tmp_path / "site.yml"), "-e", f"slow={slow}"]
        cli("record", "--", *command, env={"ANSIBLE_STRATEGY": strategy})
        events = [json.loads(line) for line in cli.good("events", "latest", "--jsonl").lines]
        announced = [e["event_data"]["name"] for e in events if e["event"] == "playbook_on_task_start"]
        (root,) = cli.good("tree", "latest", "--json").json
        return announced, [task["label"].partition("-")[2] for task in root["children"][0]["children"]]

    return drawn


def test_tasks_are_drawn_in_the_order_of_linear(tasks):
    announced, linear = tasks("linear")
    assert linear == announced
    announced, free = tasks("free", "a")
    assert free == linear
    assert announced != linear

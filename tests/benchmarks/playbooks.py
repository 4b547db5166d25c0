# SPDX-License-Identifier: Apache-2.0
"""Make the playbooks that are measured: so many hosts, so many trivial tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.recorders import Playbook

if TYPE_CHECKING:
    import pathlib

__all__ = ["make"]


def make(folder: pathlib.Path, host_count: int, task_count: int, strategy: str) -> Playbook:
    """Write an inventory of local hosts and a playbook of tasks that do nothing, and return them."""
    folder.mkdir(parents=True)
    hosts = "".join(f"host{number:03} ansible_connection=local\n" for number in range(host_count))
    tasks = "".join(f"    - name: task {number}\n      ansible.builtin.debug:\n" for number in range(task_count))
    (folder / "hosts").write_text(hosts, encoding="utf-8")
    (folder / "playbook.yml").write_text(f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}", encoding="utf-8")
    return Playbook(folder, strategy, host_count * task_count)

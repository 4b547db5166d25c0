# SPDX-License-Identifier: Apache-2.0
"""What is counted from events is what Ansible counts: a killed playbook has the numbers its recap would have."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from forge_events.ingestion.receiver import drain
from forge_events.jobs import JobStatus
from tests.ingestion.spools import job_of, now

PLAYBOOK = """
- hosts: all
  gather_facts: false
  strategy: {strategy}
  tasks:
    - name: changes
      command: "true"
    - name: loops
      command: "true"
      loop: [1, 2]
    - name: is ignored
      command: "false"
      ignore_errors: true
    - name: includes
      include_tasks: included.yml
    - name: includes in a loop
      include_tasks: included.yml
      loop: [1, 2]
    - name: includes what is not there
      include_tasks: missing.yml
      when: inventory_hostname == 'h4'
    - block:
        - name: is rescued
          command: "false"
      rescue:
        - debug: msg=rescued
    - name: is skipped
      command: "true"
      when: inventory_hostname == 'h1'
    - name: cannot be reached, and that is ignored
      ping:
      vars: {{ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}}
      ignore_unreachable: true
      when: inventory_hostname == 'h2'
    - name: notifies
      command: "true"
      notify: handles
    - name: cannot be reached
      ping:
      vars: {{ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}}
      when: inventory_hostname == 'h2'
    - name: fails
      command: "false"
      when: inventory_hostname == 'h3'
    - name: waits
      command: "true"
      async: 30
      poll: 1
  handlers:
    - name: handles
      command: "true"
"""


@pytest.mark.parametrize("strategy", ["linear", pytest.param("free", marks=pytest.mark.full)])
def test_the_counts_of_a_cut_playbook_are_those_of_its_recap(store, tmp_path, root, strategy):
    spool = recorded(tmp_path, root, strategy)
    whole = spool.read_bytes()
    lines = whole.splitlines(keepends=True)
    stats = next(number for number, line in enumerate(lines) if b'"playbook_on_stats"' in line)
    spool.write_bytes(b"".join(lines[:stats]))
    (received,) = drain(spool.parent, store, now())
    assert job_of(received).status is JobStatus.ERROR
    counted = store.host_summaries(job_of(received).id)
    assert [summary.host_name for summary in counted] == ["h1", "h2", "h3", "h4"]
    spool.write_bytes(whole)
    drain(spool.parent, store, now())
    assert store.host_summaries(job_of(received).id) == counted
    counts = ("ok", "changed", "failures", "dark", "skipped", "rescued", "ignored", "processed")
    assert all(any(getattr(summary, count) for summary in counted) for count in counts)


def recorded(tmp_path, root, strategy):
    """Run the playbook and return its spool."""
    (tmp_path / "included.yml").write_text('- command: "true"\n')
    (tmp_path / "play.yml").write_text(PLAYBOOK.format(strategy=strategy))
    environ = {
        **os.environ,
        "FORGE_EVENTS_HOME": str(tmp_path / "recorded"),
        "ANSIBLE_CALLBACK_PLUGINS": str(root / "plugins" / "callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "job_events",
        "ANSIBLE_PYTHON_INTERPRETER": os.path.realpath(sys.executable),
    }
    command = ["ansible-playbook", "-i", "h1,h2,h3,h4", "-c", "local", "play.yml"]
    ended = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=300)
    assert "PLAY RECAP" in ended.stdout, ended.stdout + ended.stderr
    (spool,) = (tmp_path / "recorded" / "spool").glob("*.jsonl")
    return spool

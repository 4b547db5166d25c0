# SPDX-License-Identifier: Apache-2.0
"""Whatever shows a launched playbook, it shows what `ansible-playbook` shows, and the record is the same."""

from __future__ import annotations

import re
import subprocess

import pytest

from forge_events.output import to_text
from tests.cli.conftest import CommandLine
from tests.recorders.collections import collections
from tests.recorders.ways import PLAYBOOKS, latest

GENERAL, POSIX = "community.general.", "ansible.posix."
# The settings of each, as Ansible takes them from the environment.
CALLBACKS = {
    "default": {},
    "default as YAML": {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"},
    "default as pretty YAML": {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml", "ANSIBLE_CALLBACK_FORMAT_PRETTY": "1"},
    "default without the skipped": {"ANSIBLE_DISPLAY_SKIPPED_HOSTS": "0"},
    "default without what is well": {"ANSIBLE_DISPLAY_OK_HOSTS": "0"},
    "default with starts": {"ANSIBLE_SHOW_PER_HOST_START": "1"},
    "default with arguments": {"ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1"},
    "default with failures on stderr": {"ANSIBLE_DISPLAY_FAILED_STDERR": "1"},
    "minimal": {"ANSIBLE_STDOUT_CALLBACK": "minimal"},
    "oneline": {"ANSIBLE_STDOUT_CALLBACK": "oneline"},
    "tree beside it": {"ANSIBLE_CALLBACKS_ENABLED": "tree"},
    "by attribute": {"ANSIBLE_STDOUT_CALLBACK": "by_attribute"},
    "items as results": {"ANSIBLE_STDOUT_CALLBACK": "item_is_result"},
    "no options": {"ANSIBLE_STDOUT_CALLBACK": "no_options"},
    "past Display": {"ANSIBLE_STDOUT_CALLBACK": "prints"},
    "fails": {"ANSIBLE_STDOUT_CALLBACK": "raises"},
    "dense": {"ANSIBLE_STDOUT_CALLBACK": f"{GENERAL}dense"},
    "diy": {
        "ANSIBLE_STDOUT_CALLBACK": f"{GENERAL}diy",
        "ANSIBLE_CALLBACK_DIY_RUNNER_ON_OK_MSG": "{{ ansible_callback_diy.result.host }} is well",
    },
    "unixy": {"ANSIBLE_STDOUT_CALLBACK": f"{GENERAL}unixy"},
    "null": {"ANSIBLE_STDOUT_CALLBACK": f"{GENERAL}null"},
    "counter": {"ANSIBLE_STDOUT_CALLBACK": f"{GENERAL}counter_enabled"},
    "selective": {"ANSIBLE_STDOUT_CALLBACK": f"{GENERAL}selective"},
    "without differences": {"ANSIBLE_STDOUT_CALLBACK": f"{GENERAL}default_without_diff"},
    "tasks alone": {"ANSIBLE_STDOUT_CALLBACK": f"{GENERAL}tasks_only"},
    "with times": {"ANSIBLE_STDOUT_CALLBACK": f"{GENERAL}timestamp"},
    "json": {"ANSIBLE_STDOUT_CALLBACK": f"{POSIX}json"},
    "jsonl": {"ANSIBLE_STDOUT_CALLBACK": f"{POSIX}jsonl"},
    "debug": {"ANSIBLE_STDOUT_CALLBACK": f"{POSIX}debug"},
}
# What differs from run to run: times, and what Ansible makes up.
_VOLATILE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{40}|\d+")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return CommandLine(tmp_path_factory.mktemp("home"))


def settings(home, name):
    paths = {
        "ANSIBLE_COLLECTIONS_PATH": str(collections()),
        "ANSIBLE_CALLBACK_TREE_DIR": str(home.home / "tree"),
        "ANSIBLE_FORKS": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
    }
    return home.environment(**paths, **CALLBACKS[name])


def shown(data):
    """Return the lines; empty ones do not count, since a callback may print one as Python ends and nobody looks on."""
    lines = (_VOLATILE.sub("#", line).rstrip() for line in "".join(to_text([data.decode()])).splitlines())
    return [line for line in lines if line]


@pytest.fixture(scope="module")
def default_tree(home):
    env = settings(home, "default")
    home("run", "-i", "hosts", "shown.yml", cwd=PLAYBOOKS, env=env)
    return latest(home).tree()


@pytest.mark.parametrize("name", CALLBACKS)
def test_it_shows_what_ansible_shows_and_ends_alike(home, default_tree, name):
    env = settings(home, name)
    command = ["ansible-playbook", "-i", "hosts", "shown.yml"]
    alone = subprocess.run(command, cwd=PLAYBOOKS, env=env, check=False, capture_output=True, stdin=subprocess.DEVNULL)
    ran = home("run", "-i", "hosts", "shown.yml", cwd=PLAYBOOKS, env=env)
    assert ran.rc == alone.returncode
    # A terminal has no other stream for errors, so where they stand among the rest is up to the buffers of pipes.
    assert sorted(shown(ran.out)) == sorted(shown(alone.stdout) + shown(alone.stderr))
    assert latest(home).tree() == default_tree

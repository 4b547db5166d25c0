# SPDX-License-Identifier: Apache-2.0
"""Who ran a job of ansible-runner, whether it was a dry run, and on which host a task ran, as its files tell."""

from __future__ import annotations

import shlex

import pytest

from forge_events.ingestion.runner.events import RunnerEvent, result_of
from forge_events.ingestion.runner.job import is_dry_run, user_of


@pytest.mark.parametrize(
    ("command", "is_dry"),
    [
        ("ansible-playbook -i hosts --check site.yml", True),
        ("ansible-playbook --chec site.yml", True),
        ("/usr/bin/ansible-playbook -DC site.yml", True),
        ("ansible all -C -m ping", True),
        ("ansible-playbook site.yml", False),
        ("ansible-playbook --connection local -c local site.yml", False),
        ("ansible-playbook -lCENTOS -eC=1 site.yml", False),
        ("ansible-playbook -- -C", False),
        ("ansible-pull -C branch -U url", False),
        ("", False),
    ],
)
def test_a_dry_run_is_known_by_its_command(command, is_dry):
    assert is_dry_run(shlex.split(command)) is is_dry


@pytest.mark.parametrize(
    ("environment", "user"),
    [
        ({"SUDO_USER": "alice", "USER": "root"}, "alice"),
        ({"LOGNAME": "", "USER": "bob"}, "bob"),
        ({"USER": 5}, None),
        (None, None),
    ],
)
def test_the_environment_says_who_ran_it(environment, user):
    assert user_of(environment) == user


def told(text="", host="h1", **data):
    message = {"counter": 1, "uuid": "u", "event": "runner_on_unreachable", "stdout": text}
    return RunnerEvent.of({**message, "event_data": {"host": host, "res": {"unreachable": True}, **data}})


@pytest.mark.parametrize(
    ("event", "host"),
    [
        (told(res={"_ansible_delegated_vars": {"ansible_delegated_host": "h2"}}), "h2"),
        (told(res={"_ansible_delegated_vars": {"ansible_delegated_host": "h1"}}), None),
        (told(res={"_ansible_delegated_vars": 5}), None),
        (told("\x1b[1;31mfatal: [h1 -> gone]: UNREACHABLE! => {}\x1b[0m"), "gone"),
        (told("...\nfatal: [h1 -> gone(10.0.0.9)]: UNREACHABLE!"), "gone"),
        (told('fatal: [h1]: UNREACHABLE! => {"msg": "[h1 -> gone]"}'), None),
        (told("fatal: [h3 -> gone]: UNREACHABLE!"), None),
        (told(delegated_host="h4"), "h4"),
    ],
)
def test_the_other_host_is_the_one_of_the_result_or_of_the_terminal(event, host):
    assert result_of(event).get("delegated_host") == host

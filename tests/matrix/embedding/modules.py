# SPDX-License-Identifier: Apache-2.0
"""A program that has Ansible inside: pytest with pytest-ansible, as authors of collections use it.

It is run by ``test_embedded.py``, in a process of its own, and looked at from there.
"""

from __future__ import annotations


def test_modules_run_as_ever(ansible_adhoc):
    hosts = ansible_adhoc(inventory="one,two,", host_pattern="all", connection="local")
    assert {name: result["ping"] for name, result in hosts.all.ping().items()} == {"one": "pong", "two": "pong"}
    assert [result["failed"] for result in hosts.all.command("false").values()] == [True, True]


def test_the_parts_of_the_collection_are_imported_by_their_names():
    from ansible_collections.forge.events.plugins.callback.job_events import CallbackModule
    from ansible_collections.forge.events.plugins.plugin_utils._hierarchy import Hierarchy

    assert CallbackModule.CALLBACK_NAME == "forge.events.job_events"
    (started,) = Hierarchy("site.yml").start_playbook("site.yml")
    assert started.event == "playbook_on_start"

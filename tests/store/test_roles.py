# SPDX-License-Identifier: Apache-2.0
"""Processes sign on with what they do; only dispatchers make a node one that runs jobs."""

from __future__ import annotations

import datetime

from forge_events.store.records import Process, Role
from tests.store.making import NOW
from tests.store.queueing import LOST_AFTER, manned

LATER = NOW + datetime.timedelta(seconds=2 * LOST_AFTER)


def receiver(at=NOW, pid=4711):
    return Process(0, "a", "m1", pid, at, at, role=Role.RECEIVER, facts={"spool_dir": "/s"})


def test_a_receiver_is_there_and_makes_no_node(store):
    signed_on = store.processes.sign_on(receiver(), lost_after=LOST_AFTER)
    assert store.processes.all() == [signed_on]
    assert (signed_on.role, signed_on.facts) == (Role.RECEIVER, {"spool_dir": "/s"})
    assert (store.nodes.all(), store.nodes.dispatchers()) == ([], [])
    assert store.processes.beat(signed_on, LATER)
    assert store.processes.all()[0].last_seen == LATER
    store.processes.sign_off(signed_on)
    store.processes.sign_off(signed_on)
    assert store.processes.all() == []
    assert not store.processes.beat(signed_on, LATER)


def test_a_process_follows_one_that_is_silent_and_no_other(store):
    dispatcher = manned(store, "a")
    store.processes.sign_on(receiver(), lost_after=LOST_AFTER)
    beside = store.processes.sign_on(receiver(pid=4712), lost_after=LOST_AFTER)
    assert len(store.processes.all()) == 3
    store.processes.beat(beside, LATER)
    follower = store.processes.sign_on(receiver(LATER, pid=4713), lost_after=LOST_AFTER)
    assert [one.id for one in store.processes.all()] == [dispatcher.id, beside.id, follower.id]
    assert [one.role for one in store.nodes.dispatchers("a")] == [Role.DISPATCHER]
    assert store.nodes.get("a").is_manned
    store.nodes.sign_off(dispatcher)
    assert not store.nodes.get("a").is_manned
    store.nodes.delete("a")

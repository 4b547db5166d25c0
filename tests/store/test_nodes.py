# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading

import pytest
from sqlalchemy import insert, text, update

from forge_events.errors import NameTaken, NodeAtWork, UnknownNode, ValueRejected
from forge_events.jobs import JobStatus
from forge_events.nodes import Machine, NodeState, NodeType
from forge_events.store import nodes, open_store
from forge_events.store.records import Process
from forge_events.store.schema import jobs as job_table
from tests.store.making import NOW, later, new_job

FOUR_CORES = Machine(cpu=4, memory=8 * 2**30)
LOST_AFTER = 30.0


def process(node="a", **facts):
    plain = {"id": 0, "node": node, "machine": "m1", "pid": 4711, "process_started": NOW, "last_seen": NOW}
    return Process(**{**plain, **facts})


def signed_on(store, node="a", **facts):
    return store.nodes.sign_on(process(node, **facts), FOUR_CORES, "1.2", lost_after=LOST_AFTER)


def place(store, node, status=JobStatus.WAITING, impact=5):
    """Add a job as a decision would have left it."""
    job = store.add_job(new_job())
    values = {"status": status, "execution_node": node, "impact": impact}
    values |= {"started": NOW} if status is JobStatus.RUNNING else {}
    values |= {"started": NOW, "finished": NOW} if status.is_final else {}
    with store._database.writing() as connection:
        connection.execute(update(job_table).where(job_table.c.id == job.id).values(values))
    return job


def test_a_new_node_waits_for_its_machine(store):
    node = store.nodes.register("a", NOW)
    assert (node.hostname, node.node_type, node.enabled, node.created) == ("a", NodeType.HYBRID, True, NOW)
    assert (node.machine, node.last_seen, node.capacity, node.consumed, node.is_manned) == (None, None, 0, 0, False)
    assert node.state(NOW, LOST_AFTER) is NodeState.INSTALLED
    assert store.nodes.get("a") == node


def test_a_node_is_made_once(store):
    node = store.nodes.register("a", NOW)
    assert store.nodes.register("a", later(1)) == node
    with pytest.raises(NameTaken, match="the node 'a' cannot be made: there is one already"):
        store.nodes.register("a", NOW, is_new=True)
    assert store.nodes.all() == [node]


def test_a_type_that_is_given_becomes_that_of_the_node(store):
    assert store.nodes.register("a", NOW, node_type=NodeType.HOP).node_type is NodeType.HOP
    assert store.nodes.register("a", NOW).node_type is NodeType.HOP
    assert store.nodes.register("a", NOW, node_type=NodeType.EXECUTION).node_type is NodeType.EXECUTION


def test_nodes_are_ordered_by_name_whatever_the_language(store):
    for name in ("b", "ä", "B", "a"):
        store.nodes.register(name, NOW)
    assert [node.hostname for node in store.nodes.all()] == ["B", "a", "b", "ä"]


@pytest.mark.parametrize(
    "values",
    [
        {"enabled": False},
        {"node_type": NodeType.CONTROL},
        {"capacity_adjustment": 0.5},
        {"absolute_cpu": 0.5, "absolute_memory": 2**40},
        {},
    ],
)
def test_an_owner_changes_a_node(store, values):
    before = store.nodes.register("a", NOW)
    assert store.nodes.change("a", **values) == before.model_copy(update=values) == store.nodes.get("a")


def test_what_was_set_is_taken_back(store):
    store.nodes.register("a", NOW)
    store.nodes.change("a", absolute_cpu=2.0)
    assert store.nodes.change("a", absolute_cpu=None).absolute_cpu is None


@pytest.mark.parametrize("adjustment", [-0.1, 1.1])
def test_an_adjustment_lies_between_0_and_1(store, adjustment):
    store.nodes.register("a", NOW)
    with pytest.raises(ValueRejected):
        store.nodes.change("a", capacity_adjustment=adjustment)


@pytest.mark.parametrize(
    "verb",
    [
        lambda store: store.nodes.get("x"),
        lambda store: store.nodes.change("x", enabled=False),
        lambda store: store.nodes.change("x"),
        lambda store: store.nodes.delete("x"),
    ],
)
def test_what_nobody_made_is_unknown(store, verb):
    with pytest.raises(UnknownNode, match="there is no node 'x'"):
        verb(store)


def test_whoever_signs_on_makes_the_node_and_tells_what_it_has(store):
    dispatcher = signed_on(store)
    assert dispatcher == process(id=dispatcher.id)
    assert store.nodes.dispatchers() == [dispatcher]
    node = store.nodes.get("a")
    assert (node.machine, node.version, node.last_seen, node.created) == ("m1", "1.2", NOW, NOW)
    assert (node.cpu, node.memory, node.capacity, node.is_manned) == (4, 8 * 2**30, 16, True)
    assert node.state(NOW, LOST_AFTER) is NodeState.READY


def test_signing_on_keeps_what_the_owner_said(store):
    store.nodes.register("a", NOW, node_type=NodeType.EXECUTION)
    store.nodes.change("a", enabled=False, absolute_cpu=1.0)
    signed_on(store, last_seen=later(5))
    node = store.nodes.get("a")
    assert (node.node_type, node.enabled, node.absolute_cpu) == (NodeType.EXECUTION, False, 1.0)
    assert (node.created, node.last_seen) == (NOW, later(5))


def test_several_processes_of_one_machine_work_on_a_node(store):
    first, second, other = signed_on(store), signed_on(store, pid=2), signed_on(store, "b", machine="m2")
    assert len({first.id, second.id, other.id}) == 3
    assert store.nodes.dispatchers("a") == [first, second]
    assert store.nodes.dispatchers() == [first, second, other]
    assert store.nodes.dispatchers("c") == []


def test_a_process_for_one_job_takes_on_no_other(store):
    dispatcher = signed_on(store, only_job_id=7)
    assert store.nodes.dispatchers() == [dispatcher]
    assert dispatcher.only_job_id == 7
    assert not store.nodes.get("a").is_manned


def test_a_second_machine_under_one_name_is_refused_while_the_first_is_seen(store):
    signed_on(store)
    refusal = "the node 'a' cannot be made: m1 works under this name and was seen 12 s ago"
    with pytest.raises(NameTaken) as caught:
        signed_on(store, machine="m2", last_seen=later(12))
    assert str(caught.value) == refusal
    assert store.nodes.get("a").machine == "m1"
    assert len(store.nodes.dispatchers()) == 1


def test_a_machine_that_was_stamped_a_moment_ahead_is_there(store):
    signed_on(store, last_seen=later(20))
    with pytest.raises(NameTaken, match="was seen 0 s ago"):
        signed_on(store, machine="m2")


def test_a_stamp_from_before_the_database_s_clock_was_set_back_keeps_no_name(store):
    signed_on(store, last_seen=later(3600))
    signed_on(store, machine="m2")
    assert store.nodes.get("a").machine == "m2"


def test_how_a_machine_s_clock_stands_is_kept_from_each_heartbeat(store):
    dispatcher = signed_on(store)
    assert store.nodes.get("a").clock_offset is None
    store.nodes.beat(dispatcher, FOUR_CORES.model_copy(update={"clock_offset": -62.5}), later(1))
    assert store.nodes.get("a").clock_offset == -62.5


def test_the_name_of_a_machine_that_was_lost_may_be_taken(store):
    lost = signed_on(store)
    signed_on(store, machine="m2", last_seen=later(31))
    assert store.nodes.get("a").machine == "m2"
    # It comes back and finds that it was taken for gone.
    assert not store.nodes.beat(lost, FOUR_CORES, later(32))
    assert (store.nodes.get("a").machine, store.nodes.get("a").last_seen) == ("m2", later(31))


def test_what_a_lost_machine_left_behind_mans_nothing(store):
    signed_on(store)
    signed_on(store, machine="m2", last_seen=later(31), only_job_id=1)
    assert not store.nodes.get("a").is_manned


def test_the_name_of_a_machine_that_signed_off_may_be_taken_at_once(store):
    store.nodes.sign_off(signed_on(store))
    signed_on(store, machine="m2")
    assert store.nodes.get("a").machine == "m2"


def test_a_beat_says_that_process_and_node_are_there(store):
    dispatcher = signed_on(store)
    assert store.nodes.beat(dispatcher, Machine(cpu=2, memory=2**30), later(10))
    assert store.nodes.dispatchers() == [dispatcher._replace(last_seen=later(10))]
    node = store.nodes.get("a")
    assert (node.last_seen, node.cpu, node.memory, node.version) == (later(10), 2, 2**30, "1.2")


def test_whoever_was_taken_for_gone_beats_no_more(store):
    dispatcher = signed_on(store)
    store.nodes.sign_off(dispatcher)
    assert not store.nodes.beat(dispatcher, FOUR_CORES, later(10))
    assert store.nodes.get("a").last_seen == NOW


def test_a_node_without_a_process_is_not_manned(store):
    dispatcher = signed_on(store)
    store.nodes.sign_off(dispatcher)
    store.nodes.sign_off(dispatcher)
    node = store.nodes.get("a")
    assert (node.is_manned, node.machine) == (False, "m1")
    assert node.state(NOW, LOST_AFTER) is NodeState.UNAVAILABLE


def test_active_jobs_consume_and_others_do_not(store):
    signed_on(store)
    store.nodes.register("b", NOW)
    place(store, "a", impact=5)
    place(store, "a", JobStatus.RUNNING, impact=5)
    place(store, "a", JobStatus.RUNNING, impact=5)
    place(store, "a", JobStatus.SUCCESSFUL)
    place(store, "a", JobStatus.PENDING)
    place(store, "b", impact=3)
    place(store, "elsewhere")
    place(store, None)
    a, b = store.nodes.all()
    assert (a.consumed, a.job_count, a.capacity, a.remaining) == (15, 3, 16, 1)
    assert (b.consumed, b.job_count, b.capacity, b.remaining) == (3, 1, 0, -3)
    assert store.nodes.get("a") == a


def test_recorded_jobs_consume_nothing(store):
    store.nodes.register("a", NOW)
    store.transition(store.add_job(new_job(host="a")), JobStatus.RUNNING, at=NOW, by="test")
    assert store.nodes.get("a").job_count == 0


def test_a_node_that_nobody_needs_is_forgotten(store):
    store.nodes.sign_off(signed_on(store))
    place(store, "a", JobStatus.SUCCESSFUL)
    store.nodes.delete("a")
    assert store.nodes.all() == []


@pytest.mark.parametrize("status", [JobStatus.WAITING, JobStatus.RUNNING])
def test_a_node_with_an_active_job_stays(store, status):
    store.nodes.register("a", NOW)
    job = place(store, "a", status)
    with pytest.raises(NodeAtWork, match=f"the node 'a' cannot be removed: it has job {job.id}, which has not ended"):
        store.nodes.delete("a")


def test_a_node_with_a_process_stays(store):
    signed_on(store)
    with pytest.raises(NodeAtWork, match="the node 'a' cannot be removed: process 4711 works there"):
        store.nodes.delete("a")


def test_what_nodes_consume_is_read_without_a_look_at_jobs_that_ended(store):
    with store._database.reading() as connection:
        is_postgresql = connection.dialect.name == "postgresql"
        if is_postgresql:
            # In an empty table it would not need any.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        statement = nodes._all().compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        plan = connection.execute(text(f"EXPLAIN {'' if is_postgresql else 'QUERY PLAN'} {statement}")).all()
    assert "main_job_active" in str(plan) or "main_job_status_id (status=?)" in str(plan)


def test_of_many_machines_that_sign_on_under_one_name_one_does(url, store):
    outcomes = []

    def sign_on(machine):
        with open_store(url) as own:
            try:
                signed_on(own, machine=machine)
                outcomes.append(machine)
            except NameTaken:
                outcomes.append(None)

    threads = [threading.Thread(target=sign_on, args=(f"m{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (machine,) = [outcome for outcome in outcomes if outcome]
    assert len(outcomes) == 6
    assert store.nodes.get("a").machine == machine
    assert [dispatcher.machine for dispatcher in store.nodes.dispatchers()] == [machine]


def test_whoever_reads_locked_is_waited_for(url, store):
    signed_on(store)
    changed = threading.Event()

    def change():
        with open_store(url) as own:
            own.nodes.change("a", enabled=False)
        changed.set()

    with store._database.writing() as connection:
        (node,) = nodes.read(connection, is_locked=True)
        thread = threading.Thread(target=change)
        thread.start()
        assert not changed.wait(0.3)
        assert nodes.read(connection) == [node]
    thread.join()
    assert not store.nodes.get("a").enabled


def test_a_locked_read_sees_what_it_waited_for(url, store):
    signed_on(store)
    found = []

    def read():
        with open_store(url) as own, own._database.writing() as connection:
            found.extend(nodes.read(connection, is_locked=True))

    with store._database.writing() as connection:
        nodes.read(connection, is_locked=True)
        thread = threading.Thread(target=read)
        thread.start()
        thread.join(0.3)
        job = new_job().model_dump() | {"status": "waiting", "execution_node": "a", "impact": 5}
        connection.execute(insert(job_table).values(job))
    thread.join()
    assert [node.consumed for node in found] == [5]

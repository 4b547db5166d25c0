# SPDX-License-Identifier: Apache-2.0
"""The websocket: AWX's protocol, and the cursor by which nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

import pytest

from forge_events.api.subscription import InvalidRequest, Subscription, as_text, shown
from forge_events.jobs import JobStatus
from forge_events.store import open_store
from tests.api.sockets import application, connected, is_final, serving
from tests.store.making import NOW, Play, append, ended, later, make_event, new_job


def running_job(store):
    return store.transition(store.add_job(new_job()), JobStatus.RUNNING, at=NOW, by="test")


def many(job, first, last):
    return [make_event(job, counter, stdout=f"line {counter}\n") for counter in range(first, last + 1)]


def end(store, job, status=JobStatus.SUCCESSFUL):
    return store.transition(job, status, at=later(9), by="test")


@pytest.fixture
def address(url):
    open_store(url).close()
    with serving(application(url)) as found:
        yield found


def run(conversation):
    return asyncio.run(conversation)


def counters(messages):
    return [message["counter"] for message in messages if message.get("group_name") == "job_events"]


@pytest.mark.parametrize(
    ("stored", "sent"),
    [("a\n", "a"), ("a\nb\n", "a\r\nb"), ("a\r\n", "a"), ("\n", ""), ("", ""), ("a", "a"), ("\na\n\n", "\r\na\r\n")],
)
def test_what_is_shown_has_one_line_end_less_and_carriage_returns(stored, sent):
    assert shown(stored) == sent


def test_a_request_has_groups_cursors_and_its_token():
    found = Subscription.of(
        '{"xrftoken":"t","groups":{"jobs":["summary"],"job_events":[41,"42"]},"after":{"41":7}}', "t"
    )
    assert found.groups == {"jobs-summary", "job_events-41", "job_events-42"}
    assert found.jobs_of("job_events") == [41, 42] and found.after == {41: 7} and not found.is_batched


@pytest.mark.parametrize(
    "request_text",
    [
        "",
        "[]",
        "[" * 5000,
        '{"xrftoken":"t"}',
        '{"xrftoken":"other","groups":{}}',
        '{"groups":{}}',
        '{"xrftoken":"t","groups":{"jobs":"x"}}',
        '{"xrftoken":"t","groups":{"job_events":[' + "1," * 0 + ",".join(map(str, range(300))) + "]}}",
        '{"xrftoken":"t","groups":{},"after":[1]}',
        '{"xrftoken":"t","groups":{},"after":{"x":1}}',
    ],
)
def test_a_request_that_is_none_is_refused(request_text):
    with pytest.raises(InvalidRequest):
        Subscription.of(request_text, "t")


def test_halves_of_surrogate_pairs_become_question_marks():
    assert as_text({"a": "\udc80é"}) == '{"a":"?é"}'


@pytest.mark.parametrize("path", ["/websocket/", "/api/websocket/"])
def test_groups_are_told_as_awx_tells_them(store, address, path):
    job = running_job(store)

    async def talk():
        async with connected(address, path) as client:
            await client.ask(groups={"jobs": ["status_changed"], "job_events": [job.id]}, xrftoken=None)
            first = await client.next()
            await client.ask(groups={"jobs": ["status_changed", "summary"]})
            return first, await client.next()

    first, second = run(talk())
    names = [f"job_events-{job.id}", "jobs-status_changed"]
    assert first == {"groups_current": names, "groups_joined": names, "groups_left": []}
    assert second == {
        "groups_current": ["jobs-status_changed", "jobs-summary"],
        "groups_joined": ["jobs-summary"],
        "groups_left": [f"job_events-{job.id}"],
    }


def test_a_request_with_another_token_or_an_unknown_job_is_denied(url):
    open_store(url).close()

    async def talk(address):
        async with connected(address) as client:
            found = []
            request: dict
            for request in (
                {"groups": {}},
                {"groups": {}, "xrftoken": "x"},
                {"groups": {"job_events": [7]}, "xrftoken": "t"},
            ):
                await client.ask(**request)
                found.append(await client.next())
            return [*found, await client.next()]

    with serving(application(url, token="t")) as address:
        first, second, third, fourth = run(talk(address))
    assert first == second == {"error": "access denied to channel"}
    assert third == {"error": "access denied to channel job_events for resource id 7"}
    assert fourth["groups_current"] == []


def test_statuses_come_in_order_and_the_final_one_behind_the_last_event(store, address):
    async def talk():
        async with connected(address) as client:
            await client.ask(groups={"jobs": ["status_changed", "summary"]})
            await client.next()
            job = running_job(store)
            assert (await client.next())["status"] == "running"
            await client.ask(
                groups={"jobs": ["status_changed", "summary"], "job_events": [job.id]}, after={str(job.id): 0}
            )
            await client.next()
            for first in range(1, 1001, 100):
                append(store, job, many(job, first, first + 99))
            end(store, job)
            return job, await client.until(is_final)

    job, found = run(talk())
    assert counters(found) == list(range(1, 1001))
    assert found[0] == {
        **found[0],
        "id": job.id * 10**8 + 1,
        "url": f"/api/v2/job_events/{job.id * 10**8 + 1}",
        "stdout": "line 1",
        "event": "verbose",
        "parent_uuid": "",
    }
    assert found[-2] == {"group_name": "jobs", "unified_job_id": job.id, "final_counter": 1000}
    assert found[-1] == {
        "group_name": "jobs",
        "type": "job",
        "unified_job_id": job.id,
        "status": "successful",
        "finished": "2026-01-02T03:04:14.000678Z",
        "final_counter": 1000,
    }


def test_without_a_cursor_only_what_is_new_comes(store, address):
    job = running_job(store)
    append(store, job, many(job, 1, 50))

    async def talk():
        async with connected(address) as client:
            await client.ask(groups={"job_events": [job.id], "jobs": ["status_changed"]})
            await client.next()
            append(store, job, many(job, 51, 60))
            end(store, job)
            return await client.until(is_final)

    assert counters(run(talk())) == list(range(51, 61))


def test_a_job_that_has_ended_is_replayed_with_its_end(store, address):
    job = running_job(store)
    append(store, job, many(job, 1, 700))
    end(store, job, JobStatus.FAILED)

    async def talk():
        async with connected(address) as client:
            await client.ask(groups={"job_events": [job.id]}, after={str(job.id): 250}, batch=True)
            await client.next()
            return await client.until(is_final)

    *batches, last = run(talk())
    assert all(batch["group_name"] == "job_events" and batch["job"] == job.id for batch in batches)
    assert [event["counter"] for batch in batches for event in batch["events"]] == list(range(251, 701))
    assert last["status"] == "failed" and last["final_counter"] == 700


def test_many_clients_of_one_job_all_get_everything(store, address):
    job = running_job(store)

    async def follow(is_ready):
        async with connected(address) as client:
            await client.ask(groups={"job_events": [job.id]}, after={str(job.id): 0})
            await client.next()
            is_ready.release()
            return counters(await client.until(is_final))

    async def talk():
        is_ready = asyncio.Semaphore(0)
        clients = [asyncio.ensure_future(follow(is_ready)) for _ in range(20)]
        for _ in clients:
            await is_ready.acquire()
        for first in range(1, 501, 50):
            append(store, job, many(job, first, first + 49))
            await asyncio.sleep(0)
        end(store, job)
        return await asyncio.gather(*clients)

    assert run(talk()) == [list(range(1, 501))] * 20


def test_a_client_that_goes_on_elsewhere_gets_each_event_once(url, store):
    """Check 25: the server is another one by then, and the cursor is the client's."""
    job = running_job(store)
    append(store, job, many(job, 1, 300))

    async def talk(address, after, count):
        async with connected(address) as client:
            await client.ask(groups={"job_events": [job.id]}, after={str(job.id): after})
            await client.next()
            return [(await client.next())["counter"] for _ in range(count)]

    with serving(application(url)) as address:
        first = run(talk(address, 0, 120))
    append(store, job, many(job, 301, 400))
    with serving(application(url)) as address:
        second = run(talk(address, first[-1], 280))
    assert first + second == list(range(1, 401))


def test_a_reader_that_stops_reading_keeps_nothing_in_the_server_and_gets_all(store, address):
    """Check 24: 20 MB wait for a client that does not read; it gets them all when it does."""
    job = running_job(store)

    async def talk():
        async with connected(address, max_queue=1) as client, connected(address) as other:
            await client.ask(groups={"job_events": [job.id]}, after={str(job.id): 0})
            await client.next()
            before = _memory()
            for first in range(1, 2001, 100):
                events = [make_event(job, n, stdout="x" * 10_000 + "\n") for n in range(first, first + 100)]
                append(store, job, events)
            await other.ask(groups={"job_events": [job.id]}, after={str(job.id): 1990})
            assert counters([await other.next() for _ in range(11)][1:]) == list(range(1991, 2001))
            grown = _memory() - before
            end(store, job)
            return grown, counters(await client.until(is_final))

    grown, found = run(talk())
    assert found == list(range(1, 2001))
    assert grown < 30 * 1024 * 1024  # the test itself made the events in this process


def test_a_client_far_behind_is_told_so(store, address):
    job = running_job(store)
    for first in range(1, 11_001, 1000):
        append(store, job, many(job, first, first + 999))

    async def talk():
        async with connected(address) as client:
            await client.ask(groups={"job_events": [job.id]}, after={str(job.id): 0}, batch=True)
            return await client.until(lambda message: "lag" in message)

    last = run(talk())[-1]
    assert last["unified_job_id"] == job.id and 10_000 < last["lag"] <= 11_000


def test_progress_tells_how_far_a_job_is_and_no_events(store, address):
    job = running_job(store)

    async def talk():
        async with connected(address) as client:
            await client.ask(groups={"progress": [job.id]})
            found = [await client.next(), await client.next()]
            append(store, job, many(job, 1, 30))
            found.append(await client.next())
            end(store, job)
            return [*found, await client.next()]

    told = {"group_name": "progress", "job": job.id}
    assert run(talk())[1:] == [
        {**told, "event_count": 0, "status": "running"},
        {**told, "event_count": 30, "status": "running"},
        {**told, "event_count": 30, "status": "successful"},
    ]


def test_who_waits_is_woken_at_once(store, address):
    """Check 26, in one process: far below what a look each second would take."""
    job = running_job(store)

    async def talk():
        async with connected(address) as client:
            await client.ask(groups={"job_events": [job.id]})
            await client.next()
            await asyncio.sleep(0.5)
            took = []
            for counter in range(1, 11):
                began = time.monotonic()
                append(store, job, many(job, counter, counter))
                await client.next()
                took.append(time.monotonic() - began)
                await asyncio.sleep(0.05)
            return sorted(took)

    assert run(talk())[5] < 0.3


def test_only_what_comes_after_it_is_told_of_statuses(store, address):
    ended(store)

    async def talk():
        async with connected(address) as client:
            await client.ask(groups={"jobs": ["status_changed"]})
            await client.next()
            with contextlib.suppress(TimeoutError):
                return await client.next(1.5)

    assert run(talk()) is None


def test_events_hold_what_awx_sends(store, address):
    job = running_job(store)
    play = Play(job)
    task = play.task("t")
    play.host("runner_on_ok", task, "web1", res={"changed": True})
    append(store, job, play.events)

    async def talk():
        async with connected(address) as client:
            await client.ask(groups={"job_events": [job.id]}, after={str(job.id): 3})
            await client.next()
            return await client.next()

    found = run(talk())
    assert found["event_level"] == 3 and found["changed"] is True and found["host_name"] == "web1"
    assert found["parent_uuid"] == task.uuid and found["event_data"]["res"] == {"changed": True}
    assert json.loads(as_text(found)) == found


def _memory() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * 4096

# SPDX-License-Identifier: Apache-2.0
"""The websocket of real servers: two over one database, one that is killed, and a client that is stopped meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.api.sockets import connected
from tests.api.test_websocket import end, many, running_job
from tests.store.making import append

CLIENT = """
import asyncio, json, sys, websockets
async def main(address, token, job):
    headers = {"Authorization": f"Bearer {token}"}
    async with websockets.connect(f"ws://{address}/websocket/", additional_headers=headers, max_queue=1) as socket:
        await socket.recv()
        await socket.send(json.dumps({"groups": {"job_events": [int(job)]}, "after": {job: 0}}))
        async for text in socket:
            message = json.loads(text)
            if message.get("group_name") == "job_events":
                print(message["counter"], flush=True)
            if message.get("final_counter") is not None:
                break
asyncio.run(main(*sys.argv[1:]))
"""


class Server:
    """`forge-events serve`, in a process of its own."""

    def __init__(self, url: str, home, port: int = 0) -> None:
        command = [sys.executable, "-m", "forge_events", "serve", "--api-only", "--port", str(port)]
        environment = {**os.environ, "FORGE_EVENTS_HOME": str(home), "FORGE_EVENTS_DATABASE_URL": url}
        self.said = home.with_name(f"{home.name}.stderr")
        with self.said.open("w") as stderr:
            self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True)
        said, stdout = "", self.process.stdout
        while stdout is not None and "OAUTH_TOKEN" not in said:
            said += stdout.readline()
        self.address, self.token = re.findall(r"(?:HOST=http://|OAUTH_TOKEN=)(\S+)", said)
        self.headers = {"Authorization": f"Bearer {self.token}"}

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def serve(url, tmp_path):
    """Return what starts a server; all are gone in the end."""
    started: list[Server] = []

    def make(port: int = 0) -> Server:
        started.append(Server(url, tmp_path / "served", port))
        return started[-1]

    yield make
    for server in started:
        server.kill()


@contextlib.asynccontextmanager
async def patiently_connected(server: Server):
    """Connect to a server that may not answer yet."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            async with connected(server.address, additional_headers=server.headers) as client:
                yield client
                return
        await asyncio.sleep(0.1)


def test_two_servers_over_one_database_tell_the_same_at_once(store, serve):
    """Check 26: the events come from a third process, which is this one."""
    first, second = serve(), serve()
    job = running_job(store)

    async def talk():
        async with patiently_connected(first) as one, patiently_connected(second) as other:
            clients, took = (one, other), []
            for client in clients:
                await client.ask(groups={"job_events": [job.id]}, after={str(job.id): 0})
                await client.next()
            await asyncio.sleep(0.5)
            for counter in range(1, 21):
                began = time.monotonic()
                append(store, job, many(job, counter, counter))
                assert [(await client.next())["counter"] for client in clients] == [counter, counter]
                took.append(time.monotonic() - began)
                await asyncio.sleep(0.02)
            end(store, job)
            assert [(await client.next())["final_counter"] for client in clients] == [20, 20]
            return sorted(took)

    assert asyncio.run(talk())[10] < 0.4  # a look each second would take longer, this machine at work or not


def test_a_server_that_is_killed_goes_on_from_the_cursor(store, serve):
    """Check 25."""
    server = serve()
    job = running_job(store)

    async def take(after: int, count: int) -> list[int]:
        async with patiently_connected(server) as client:
            await client.ask(groups={"job_events": [job.id]}, after={str(job.id): after})
            await client.next()
            return [(await client.next())["counter"] for _ in range(count)]

    append(store, job, many(job, 1, 400))
    found = asyncio.run(take(0, 250))
    port = int(server.address.rpartition(":")[2])
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    append(store, job, many(job, 401, 600))
    server = serve(port)
    found += asyncio.run(take(found[-1], 350))
    assert found == list(range(1, 601))


def test_a_client_that_is_stopped_gets_everything_and_costs_nothing(store, serve):
    """Check 24, with a shorter sleep: the client is stopped, not only slow, and 30 MB come meanwhile."""
    server = serve()
    job = running_job(store)
    append(store, job, many(job, 1, 1))
    command = [sys.executable, "-c", CLIENT, server.address, server.token, str(job.id)]

    async def is_there():
        async with patiently_connected(server):
            pass

    asyncio.run(is_there())
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None and client.stdout.readline() == "1\n"
        client.send_signal(signal.SIGSTOP)
        before = psutil.Process(server.process.pid).memory_info().rss
        for first in range(2, 3002, 100):
            events = [
                event.model_copy(update={"stdout": "x" * 10_000 + "\n"}) for event in many(job, first, first + 99)
            ]
            append(store, job, events)
        time.sleep(1)
        grown = psutil.Process(server.process.pid).memory_info().rss - before
        client.send_signal(signal.SIGCONT)
        end(store, job)
        found = [int(line) for line in client.stdout]
    assert found == list(range(2, 3002))
    assert grown < 20_000_000
    check_that_the_end_is_quiet(server, command)


def check_that_the_end_is_quiet(server, command):
    """Stop a server while a client reads nothing: it is cut off, and that is nothing to tell."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None and client.stdout.readline() == "1\n"
        client.send_signal(signal.SIGSTOP)
        server.process.terminate()
        server.process.communicate(timeout=30)
        client.kill()
    assert server.process.returncode == 0
    assert server.said.read_text() == ""

# SPDX-License-Identifier: Apache-2.0
"""Check 23: awxkit's own websocket client, in an environment of its own, as a script of AWX's users has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from forge_events.jobs import JobStatus, NewJob
from tests.web.browsers import own_environment
from tests.web.conftest import NOW, Recorded, Site, site  # noqa: F401 - the fixture

CLIENT = """
import json, sys, websocket
from awxkit.ws import WSClient
socket = WSClient(token=sys.argv[2], hostname="127.0.0.1", port=int(sys.argv[1]), secure=False).connect()
socket.pending_job_stdout()
print("ready", flush=True)
while message := socket._recv(wait=True, timeout=30):
    print(json.dumps(message), flush=True)
    if message.get("final_counter") is not None and "status" in message:
        break
"""


def test_awxkits_client_is_told_of_a_job_that_is_launched(site: Site):  # noqa: F811
    packages = ("awxkit==24.6.1", "setuptools<82", "websocket-client==0.57.0", "six")
    folder = own_environment("awxkit-socket", *packages)
    port = site.url.rpartition(":")[2]
    command = [sys.executable, "-W", "ignore", "-c", CLIENT, port, site.token]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None and client.stdout.readline() == "ready\n"
        new = NewJob(uuid="launched", name="site.yml", launch_type="manual", created=NOW)
        job = site.store.transition(site.store.add_job(new), JobStatus.PENDING, at=NOW, by="test")
        first = json.loads(client.stdout.readline())
        while first.get("status") != "pending":
            first = json.loads(client.stdout.readline())
        job = site.store.transition(job, JobStatus.WAITING, at=NOW, by="test")
        told = Recorded.of(site.store, site.store.transition(job, JobStatus.RUNNING, at=NOW, by="test"))
        told.play("p").task("t")
        for number in range(40):
            told.host(f"h{number}")
        client_is_in = [json.loads(client.stdout.readline())]
        while "groups_current" not in client_is_in[-1]:
            client_is_in.append(json.loads(client.stdout.readline()))
        told.end()
        rest = [json.loads(line) for line in client.stdout]
    counters = [message["counter"] for message in rest if message.get("group_name") == "job_events"]
    assert counters == list(range(1, 44))
    assert rest[-1]["status"] == "successful" and rest[-1]["unified_job_id"] == job.id

# SPDX-License-Identifier: Apache-2.0
"""How fast the receiver is, beside a COPY by the server itself of the same rows into a table without anything."""

from __future__ import annotations

import datetime
import pathlib
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from forge_events import spool
from forge_events.ingestion.receiver import Receiver
from forge_events.store import open_store
from tests.conftest import ROOT

if TYPE_CHECKING:
    from tests.postgresql import Server

ROUNDS = 3
WORDS = [f"word{number * 7919 % 10_007}" for number in range(5000)]


class Rates(NamedTuple):
    """Events a second: of one receiver, of two receivers together, and of the server's own COPY; and bytes an event."""

    one: float
    two: float
    raw: float
    size: float


def measure(server: Server, url: str, folder: pathlib.Path, event_count: int) -> Rates:
    """Ingest spools with one receiver and with two, and copy the rows of one of them, in turn."""
    one, two, raw, size = [], [], [], 0.0
    for number in range(ROUNDS):
        spool_dir = folder / f"one-{number}"
        size = write_spool(spool_dir, f"one-{number}", event_count) / event_count
        one.append(event_count / _drained(url, spool_dir))
        raw.append(event_count / _copied(server, url, f"one-{number}"))
        dirs = [folder / f"two-{number}-{side}" for side in "ab"]
        for place in dirs:
            write_spool(place, place.name, event_count)
        two.append(2 * event_count / _drained_by_two(url, dirs))
    return Rates(statistics.median(one), statistics.median(two), statistics.median(raw), size)


def write_spool(folder: pathlib.Path, name: str, event_count: int) -> int:
    """Write a spool like that of a playbook with 20 hosts; return its size."""
    folder.mkdir(parents=True)
    path = folder / f"{name}{spool.SUFFIX}"
    writer = spool.Writer(str(path))
    at = datetime.datetime.now(datetime.UTC).isoformat()
    header = {
        "job_uuid": name,
        "name": name,
        "command": ["ansible-playbook"],
        "host": "elsewhere.example",
        "started": at,
    }
    writer.header(header)
    for counter in range(1, event_count + 1):
        writer.event({"created": at, "counter": counter, **_event(counter)})
    writer.eof({"finished": at, "event_count": event_count, "has_stats": True, "needs_stats": True})
    return path.stat().st_size


def _event(counter: int) -> dict[str, object]:
    place = (counter - 3) % 41
    facts: dict[str, object] = {"playbook": "site.yml"}
    if counter <= 2:
        names = ("playbook_on_start", "playbook_on_play_start")
        above = None if counter == 1 else "e1"
        return {"uuid": f"e{counter}", "parent_uuid": above, "event": names[counter - 1], "event_data": facts}
    task = counter - place
    facts |= {"play": "web", "task": f"task {task}", "task_action": "command", "task_path": "/srv/site.yml:7"}
    line = {"uuid": f"e{counter}", "start_line": counter, "end_line": counter + place % 2}
    if place == 0:
        more = {"parent_uuid": "e2", "event": "playbook_on_task_start", "stdout": f"\nTASK [{task}]\n"}
        return {**line, **more, "event_data": facts}
    facts |= {"host": f"host{(place - 1) // 2}", "task_uuid": "0" * 36, "play_uuid": "1" * 36}
    if place % 2 == 0:
        return {**line, "parent_uuid": f"e{task}", "event": "runner_on_start", "event_data": facts}
    text = " ".join(WORDS[counter * 31 % 4800 :][:200])
    result = {
        "changed": place % 4 == 1,
        "rc": 0,
        "stdout": text,
        "stdout_lines": [text],
        "cmd": ["/bin/x"],
        "stderr": "",
    }
    told = {"event": "runner_on_ok", "stdout": f"ok: [host{place}]\n", "event_data": {**facts, "res": result}}
    return {**line, "parent_uuid": f"e{task}", **told}


def _drained(url: str, folder: pathlib.Path) -> float:
    with open_store(url) as store:
        began = time.perf_counter()
        (received,) = Receiver(folder, store).drain(datetime.datetime.now(datetime.UTC))
        assert not received.damages, received
        return time.perf_counter() - began


def _drained_by_two(url: str, folders: list[pathlib.Path]) -> float:
    """Return how long the slower of two processes works."""
    command = [sys.executable, "-m", "tests.benchmarks.store.ingest", url]
    started = [subprocess.Popen([*command, str(folder)], cwd=ROOT, stdout=subprocess.PIPE) for folder in folders]
    return max(float(process.communicate()[0]) for process in started)


def _copied(server: Server, url: str, name: str) -> float:
    file = server.folder / f"{name}.copy"
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        ((job_id,),) = connection.execute("SELECT id FROM main_job WHERE uuid = %s", [name]).fetchall()
        wanted = f"SELECT * FROM main_jobevent WHERE job_id = {job_id}"  # noqa: S608 - a number
        connection.execute(f"COPY ({wanted}) TO '{file}'".encode())
        connection.execute("CREATE UNLOGGED TABLE raw AS SELECT * FROM main_jobevent WHERE false")
        began = time.perf_counter()
        connection.execute(f"COPY raw FROM '{file}'".encode())
        took = time.perf_counter() - began
        connection.execute("DROP TABLE raw")
    file.unlink(missing_ok=True)
    return took


if __name__ == "__main__":
    sys.stdout.write(f"{_drained(sys.argv[1], pathlib.Path(sys.argv[2]))}\n")

# SPDX-License-Identifier: Apache-2.0
"""The stream of a worker, read from a file, a pipe or a socket, whole or broken."""

from __future__ import annotations

import base64
import io
import json
import os
import socket
import threading
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from forge_events.ingestion import record_stream
from forge_events.jobs import JobStatus
from tests.ingestion.runner.conftest import take

if TYPE_CHECKING:
    from typing import BinaryIO

EVENTS: list[dict[str, Any]] = [
    {"event": "playbook_on_start", "uuid": "r", "counter": 1, "runner_ident": "i", "event_data": {"playbook": "s.yml"}},
    {"event": "keepalive", "counter": 0, "uuid": 0},
    {"event": "playbook_on_stats", "uuid": "s", "counter": 2, "event_data": {"ok": {"h": 1}}},
]


def lines(*messages: object) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def archive(**files: str) -> bytes:
    """Return an artifact as the worker sends it: base64 without a newline, so that the next message follows at once."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as target:
        for name, text in files.items():
            target.writestr(name, text)
    content = data.getvalue()
    return lines({"zipfile": len(content)}) + base64.b64encode(content)


START = {"status": "starting", "command": ["ansible-playbook", "s.yml"], "env": {"TOKEN": "hush"}, "cwd": "/srv"}
WHOLE = lines(START, *EVENTS, {"status": "successful"}) + archive(rc="0", stdout="x" * 5000) + lines({"eof": True})


@pytest.fixture
def spool_dir(tmp_path):
    return tmp_path / "spool"


def feed(file: BinaryIO, data: bytes) -> threading.Thread:
    """Write to a pipe whose reader has not begun, and close it."""

    def write() -> None:
        with file:
            file.write(data)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def test_from_a_file_a_pipe_or_a_socket_it_is_the_same_job(spool_dir, tmp_path):
    (tmp_path / "stream.jsonl").write_bytes(WHOLE)
    found = [take(tmp_path / "stream.jsonl", tmp_path / "file.db")]
    out, into = os.pipe()
    ours, theirs = socket.socketpair()
    sources: dict[str, tuple[Any, Any]] = {
        "bytes": (io.BytesIO(WHOLE), None),
        "path": (tmp_path / "stream.jsonl", None),
        "pipe": (out, os.fdopen(into, "wb")),
        "socket": (ours, theirs.makefile("wb")),
    }
    for name, (source, write) in sources.items():
        thread = feed(write, WHOLE) if write else None
        if name == "socket":
            theirs.close()  # its file keeps it open
        recorded = record_stream(source, spool_dir / name)
        if thread:
            thread.join()
        assert recorded.troubles == []
        found.append(take(spool_dir / name, tmp_path / f"{name}.db"))
    os.close(out)
    ours.close()
    assert len({each.job.uuid for each in found}) == 1
    for each in found:
        assert (each.job.status, each.job.rc, each.job.name) == (JobStatus.SUCCESSFUL, 0, "s.yml")
        assert len(each.events) == 2
        assert "hush" not in json.dumps([event.event_data for event in each.events])


BROKEN = {
    "a line that is no JSON": (b"{what?\n", "line 3: it is not JSON"),
    "an empty line": (b"\n", "line 3: it is not JSON"),
    "a line that is no object": (b"[1]\n", "line 3: it is no JSON object"),
    "an event that is none": (b'{"event": "verbose"}\n', "it has no counter"),
    "a zip without a size": (b'{"zipfile": "x"}\n', "line 3: it does not say how long"),
    "a zip that is none": (b'{"zipfile": 3}\nAAAA', "line 3: the artifact has no exit code: BadZipFile"),
    "a zip without an exit code": (archive(x="1"), "line 3: the artifact has no exit code: KeyError"),
    "a zip with an exit code that is none": (archive(rc="no"), "line 3: the artifact has no exit code: ValueError"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_costs_that_much(tmp_path, name):
    data, problem = BROKEN[name]
    (tmp_path / "s").write_bytes(lines(START, EVENTS[0]) + data + lines(EVENTS[2], {"status": "failed"}, {"eof": True}))
    found = take(tmp_path / "s", tmp_path / "events.db")
    (told,) = found.problems
    assert problem in told
    assert len(found.events) == 2


def test_a_stream_that_is_cut_off_is_an_error_that_says_so(tmp_path):
    (tmp_path / "s").write_bytes(lines(START, EVENTS[0]))
    job = take(tmp_path / "s", tmp_path / "events.db").job
    assert job.status is JobStatus.ERROR
    assert job.job_explanation == "the stream ended before the worker said that it was whole"


def test_a_worker_that_could_not_run_the_job_says_why(tmp_path):
    error = {"status": "error", "job_explanation": "Failed to extract private data directory on worker."}
    (tmp_path / "s").write_bytes(lines(error, {"eof": True}))
    job = take(tmp_path / "s", tmp_path / "events.db").job
    assert (job.status, job.job_explanation) == (JobStatus.ERROR, error["job_explanation"])


def test_a_zip_that_never_ends_is_not_kept(tmp_path):
    data = lines(START, EVENTS[0], {"zipfile": 2**60}) + b"A" * (3 * 1024 * 1024)
    (tmp_path / "s").write_bytes(data)
    assert take(tmp_path / "s", tmp_path / "events.db").job.status is JobStatus.ERROR

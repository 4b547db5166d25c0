# SPDX-License-Identifier: Apache-2.0
"""A position belongs to a file: whatever copies of a spool come in, in whatever order, each event is stored once."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from forge_events.events import EventFilter
from forge_events.ingestion.receiver import drain
from forge_events.ingestion.sources import ingest
from forge_events.jobs import JobStatus
from tests.ingestion.spools import Spool, now

if TYPE_CHECKING:
    import pathlib

ALL = EventFilter()


def made(folder: pathlib.Path) -> tuple[str, list[bytes]]:
    spool = Spool(folder, host="elsewhere").root()
    for number in range(40):
        spool.event(stdout=f"line {number}\n" * (number % 7))
    spool.stats().eof()
    lines = spool.path.read_bytes().splitlines(keepends=True)
    spool.path.unlink()
    return spool.uuid, lines


COPIES = {
    "whole": b"".join,
    "cut in a line": lambda lines: b"".join(lines[:9]) + lines[9][:20],
    "end": lambda lines: lines[0] + b"".join(lines[30:]),
    "every third": lambda lines: lines[0] + b"".join(lines[1::3]),
    "with garbage": lambda lines: lines[0] + b"garbage\n" + b"".join(lines[1:20]),
}


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(COPIES, 2)))
@pytest.mark.parametrize("is_same_file", [True, False])
def test_copies_of_a_spool_make_one_job(store, tmp_path, folder, first, second, is_same_file):
    uuid, lines = made(folder)
    one, other = tmp_path / "one.jsonl", tmp_path / ("one.jsonl" if is_same_file else "other.jsonl")
    for path, name in ((one, first), (other, second), (other, "whole"), (other, "whole")):
        path.write_bytes(COPIES[name](lines))
        received = ingest(path, store, now())
        reasons = [damage.reason for one in received for damage in one.damages]
        assert reasons in ([], ["the line is not JSON: JSONDecodeError"] * (name == "with garbage"))
    job = store.job(uuid)
    assert [event.counter for event in store.events(job.id, ALL)] == list(range(1, 43))
    assert (job.event_count, job.status) == (42, JobStatus.SUCCESSFUL)
    assert [step.new for step in store.transitions(job.id)] == [JobStatus.RUNNING, JobStatus.SUCCESSFUL]


def test_two_files_of_one_job_in_the_folder_end(store, folder):
    uuid, lines = made(folder)
    (folder / "a.jsonl").write_bytes(COPIES["end"](lines))
    (folder / "b.jsonl").write_bytes(COPIES["cut in a line"](lines))
    (folder / "c.jsonl").write_bytes(COPIES["whole"](lines))
    drain(folder, store, now())
    assert store.job(uuid).event_count == 42


def test_a_spool_whose_place_another_took_is_read_from_its_start(store, folder):
    uuid, lines = made(folder)
    path = folder / "a.jsonl"
    path.write_bytes(b"".join(lines[:1] + lines[20:30]))
    drain(folder, store, now())
    path.write_bytes(b"".join(lines))
    drain(folder, store, now())
    assert store.job(uuid).event_count == 42

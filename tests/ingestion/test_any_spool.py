# SPDX-License-Identifier: Apache-2.0
"""Whatever is cut off, mixed in or read in parts: every whole event is stored once."""

from __future__ import annotations

import json
import os
import pathlib
import tempfile
from contextlib import contextmanager

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge_events.events import EARLIEST, LATEST, EventFilter
from forge_events.hierarchy import EVENTS
from forge_events.ingestion.damage import kept_in
from forge_events.ingestion.receiver import drain
from forge_events.jobs import JobStatus
from forge_events.output import to_html
from forge_events.store import open_store
from forge_events.tree import Selection, draw, grow
from tests.ingestion.spools import Spool, job_of, now

ALL = EventFilter()
any_text = st.text(st.characters(exclude_categories=()), max_size=20)


@contextmanager
def places():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name) / "spool"
        folder.mkdir()
        with open_store(f"sqlite:///{name}/events.db") as store:
            yield folder, store


def written(folder: pathlib.Path, texts: list[str]) -> tuple[Spool, bytes]:
    # Of the same length at each try, whatever the time since the machine's start.
    spool = Spool(folder, uptime=None).root()
    for text in texts:
        spool.event(stdout=text, event_data={"res": {text: [text]}})
    spool.stats().eof()
    return spool, spool.path.read_bytes()


def found(store, spool):
    return [(event.counter, event.stdout, event.event_data) for event in store.events(store.job(spool.uuid).id, ALL)]


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(any_text, max_size=6), data=st.data())
def test_a_spool_that_grows_by_any_pieces_is_read_whole(texts, data):
    with places() as (folder, store):
        spool, content = written(folder, texts)
        cuts = sorted(data.draw(st.lists(st.integers(1, len(content)), max_size=6)))
        for cut in cuts:
            spool.path.write_bytes(content[:cut])
            drain(folder, store, now())
            if spool.path.exists() and store.jobs():
                whole = content[:cut].count(b"\n") - 1
                assert len(found(store, spool)) == min(whole, len(texts) + 2)
        if spool.path.exists():
            spool.path.write_bytes(content)
        drain(folder, store, now())
        middle = [(number, text, {"res": {text: [text]}}) for number, text in enumerate(texts, start=2)]
        assert found(store, spool)[1:-1] == middle
        assert store.job(spool.uuid).status is JobStatus.SUCCESSFUL
        assert list(folder.iterdir()) == []


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(any_text, min_size=1, max_size=6),
    rubbish=st.lists(st.binary(max_size=30), max_size=6),
    data=st.data(),
)
def test_rubbish_between_the_lines_is_kept_and_holds_nothing_back(texts, rubbish, data):
    rubbish = [line.replace(b"\n", b"") for line in rubbish]
    with places() as (folder, store):
        spool, content = written(folder, texts)
        head, *lines = content.splitlines(keepends=True)
        places_ = sorted(data.draw(st.integers(0, len(lines))) for _ in rubbish)
        mixed = list(lines)
        for place, line in reversed(list(zip(places_, rubbish, strict=True))):
            mixed.insert(place, line + b"\n")
        spool.path.write_bytes(head + b"".join(mixed))
        (received,) = drain(folder, store, now())
        assert received.event_count == len(texts) + 2
        assert [text for _, text, _ in found(store, spool)][1:-1] == texts
        assert job_of(received).status is JobStatus.SUCCESSFUL
        assert len(received.damages) == len(rubbish)
        assert kept(received.kept) == [line + b"\n" for line in rubbish]


def kept(file: pathlib.Path | None) -> list[bytes]:
    lines = file.read_bytes().splitlines() if file else []
    return [json.loads(line)["line"].encode("utf-8", "surrogateescape") for line in lines]


UUIDS = ("event-1", "event-2", "a", "b", "x" * 1024, "../../up", "")
NUMBERS = (0, 1, 2, 3, 4, 2**31, 2**63 - 1, 2**63, -1)
EDGES = ("0001-01-01T00:00:00", "9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59-12:00")
TIMES = ("2026-01-01T00:00:00Z", *EDGES, "then")
FORMATS = (1, True, 2)


def nested(depth: int) -> dict[str, object]:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return {"res": value}


hostile_event = st.fixed_dictionaries(
    {"event": st.sampled_from(tuple(EVENTS)), "uuid": st.sampled_from(UUIDS), "counter": st.sampled_from(NUMBERS)},
    optional={
        "parent_uuid": st.sampled_from(UUIDS),
        "created": st.sampled_from(TIMES),
        "start_line": st.sampled_from(NUMBERS),
        "end_line": st.sampled_from(NUMBERS),
        "verbosity": st.sampled_from(NUMBERS),
        "pid": st.sampled_from(NUMBERS),
        "stdout": any_text | st.sampled_from(("\x1b]" * 50, "\x9b", "\u202e")),
        "event_data": st.sampled_from((100, 240, 260, 900)).map(nested) | st.dictionaries(any_text, any_text),
    },
).map(lambda event: {"created": TIMES[0], **event})
hostile_header = st.fixed_dictionaries(
    {
        "job_uuid": st.sampled_from(UUIDS[2:]),
        "started": st.sampled_from(TIMES),
        "format": st.sampled_from(FORMATS),
    },
    optional={
        "name": any_text,
        "pid": st.sampled_from(NUMBERS),
        "recorder_pid": st.sampled_from(NUMBERS),
        "host": st.sampled_from(("elsewhere", None, 5)),
    },
).map(lambda header: {"header": header})
hostile_end = st.fixed_dictionaries(
    {"rc": st.sampled_from((*NUMBERS, None, "0")), "finished": st.sampled_from(TIMES)},
    optional={"status": st.sampled_from(("successful", "error", "running", 5))},
).map(lambda end: {"exit": end})
hostile_spool = st.tuples(hostile_header, st.lists(hostile_event, max_size=8), hostile_end).map(
    lambda parts: b"".join(json.dumps(line).encode() + b"\n" for line in (parts[0], *parts[1], parts[2]))
)
rubbish_line = st.binary(max_size=30).map(lambda data: data + b"\n")
ODD = (os.mkfifo, os.mkdir, lambda path: path.symlink_to(path.name), lambda path: path.symlink_to("/etc/passwd"))


def put(path: pathlib.Path, thing: object) -> None:
    path.write_bytes(thing) if isinstance(thing, bytes) else thing(path)  # type: ignore[operator]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    things=st.lists(
        hostile_spool | st.binary(max_size=30).map(lambda data: data + b"\n") | st.sampled_from(ODD), max_size=4
    ),
    beside=st.binary(max_size=30) | st.sampled_from(ODD),
)
def test_whatever_is_in_the_folder_a_good_spool_is_read_and_all_is_told_of_once(things, beside):
    with places() as (folder, store):
        for number, thing in enumerate(things):
            put(folder / f"{number}.jsonl", thing)
        spool, _ = written(folder, ["good"])
        spool.line(b"garbage")
        put(kept_in(spool.path), beside)
        drain(folder, store, now())
        assert store.job(spool.uuid).status is JobStatus.SUCCESSFUL
        again = drain(folder, store, now())
        # A spool of a newer version is left for that version.
        assert [each for each in again if each.problem and "format" not in each.problem] == []
        for job in store.jobs():
            assert EARLIEST <= job.created <= LATEST
            drawn = list(draw(grow(store.events(job.id, ALL), Selection(has_helpers=True))))
            assert len(drawn) == job.event_count
            list(to_html(store.stdout(job.id), job.name))

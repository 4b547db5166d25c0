# SPDX-License-Identifier: Apache-2.0
"""Whatever is cut off, mixed in or read in parts: every whole event is stored once."""

from __future__ import annotations

import json
import pathlib
import tempfile
from contextlib import contextmanager

from hypothesis import given, settings
from hypothesis import strategies as st

from forge_events.events import EventFilter
from forge_events.ingestion.receiver import drain
from forge_events.jobs import JobStatus
from forge_events.store import open_store
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
    spool = Spool(folder).root()
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

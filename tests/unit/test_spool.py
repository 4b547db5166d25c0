# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import pathlib
import resource
import signal
import stat
import subprocess
import sys
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_events import spool
from tests.conftest import ROOT

any_text = st.text(st.characters(exclude_categories=()), max_size=30)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda values: st.lists(values, max_size=4) | st.dictionaries(any_text, values, max_size=4),
    max_leaves=20,
)


def an_event(counter, **fields):
    return {"event": "verbose", "counter": counter, **fields}


def records(path, position=0):
    with path.open("rb") as file:
        return list(spool.read(file, position))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.jsonl"


@pytest.fixture
def writer(path):
    opened = spool.Writer(str(path))
    yield opened
    opened.close()


def test_what_is_written_is_read(path, writer):
    writer.header({"job_uuid": "j"})
    writer.event(an_event(1, stdout="x"))
    writer.eof({"event_count": 1})
    writer.exit({"rc": 0})
    found = [(record.kind, record.value) for record in records(path)]
    kept = {name: found[0][1].pop(name) for name in ("boot_id", "uptime")} if sys.platform == "linux" else {}
    assert all(kept.values())
    assert found == [
        ("header", {"format": spool.FORMAT, "job_uuid": "j"}),
        ("event", an_event(1, stdout="x")),
        ("eof", {"event_count": 1}),
        ("exit", {"rc": 0}),
    ]


@settings(deadline=None)
@given(st.lists(st.dictionaries(any_text, json_values, max_size=4), max_size=5))
def test_any_value_survives_the_way_in_and_out(values):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "x.jsonl"
        writer = spool.Writer(str(path))
        for counter, value in enumerate(values):
            writer.event(an_event(counter, event_data=value))
        writer.close()
        assert [record.value["event_data"] for record in records(path)] == values
        content = path.read_bytes()
        assert content.isascii()
        assert content.count(b"\n") == len(values)


@settings(deadline=None, max_examples=60)
@given(texts=st.lists(any_text, min_size=1, max_size=5), data=st.data())
def test_any_cut_leaves_the_whole_lines(texts, data):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "x.jsonl"
        writer = spool.Writer(str(path))
        for counter, text in enumerate(texts):
            writer.event(an_event(counter, stdout=text))
        writer.close()
        content = path.read_bytes()
        cut = data.draw(st.integers(0, len(content)))
        path.write_bytes(content[:cut])
        found = records(path)
        assert [record.value["stdout"] for record in found] == texts[: content[:cut].count(b"\n")]
        assert all(record.kind == "event" for record in found)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=8))
def test_any_bytes_are_read_line_by_line(lines):
    with tempfile.TemporaryFile() as file:
        file.write(b"".join(line + b"\n" for line in lines))
        found = list(spool.read(file))
        assert len(found) == len(lines)
        end = 0
        for record, line in zip(found, lines, strict=True):
            assert (record.start, record.end) == (end, end + len(line) + 1)
            assert record.kind in {"event", "header", "eof", "exit", "damaged"}
            end = record.end


def test_reading_goes_on_behind_a_record(path, writer):
    for counter in range(3):
        writer.event(an_event(counter))
    first, *rest = records(path)
    assert records(path, first.end) == rest
    assert records(path, rest[-1].end) == []


@pytest.mark.parametrize(
    "line",
    [b"", b"x", b"{", b"[]", b"5", b"null", b'{"a": 1}', b'{"header": 1}', b'{"eof": []}', b"\xff", b"[" * 50_000],
)
def test_a_line_of_no_kind_is_damaged_and_the_next_one_is_read(path, writer, line):
    with path.open("ab") as file:
        file.write(line + b"\n")
    writer.event(an_event(1))
    damaged, event = records(path)
    assert damaged.kind == "damaged"
    assert damaged.value["reason"]
    assert (damaged.start, damaged.end, event.kind) == (0, len(line) + 1, "event")


def test_a_line_that_is_too_long_is_damaged_and_the_next_one_is_read(path, writer, monkeypatch):
    monkeypatch.setattr(spool, "MAX_LINE", 1000)
    writer.event(an_event(1, stdout="x" * 2_000_000))
    writer.event(an_event(2))
    first, second = records(path)
    assert (first.kind, second.value["counter"], second.start) == ("damaged", 2, first.end)


def test_a_line_that_is_too_long_and_torn_is_left_alone(path, writer, monkeypatch):
    monkeypatch.setattr(spool, "MAX_LINE", 1000)
    writer.event(an_event(1))
    with path.open("ab") as file:
        file.write(b"x" * 5000)
    assert len(records(path)) == 1


@pytest.mark.parametrize("content", [b"", b"\n", b"x\n", b'{"header": {}}', b'{"eof": {}}\n', b'{"header": 5}\n'])
def test_a_file_without_a_header_has_none(content):
    with tempfile.TemporaryFile() as file:
        file.write(content)
        assert spool.read_header(file) is None


def test_the_header_is_the_first_line(path, writer):
    writer.header({"job_uuid": "j"})
    writer.header({"job_uuid": "k"})
    with path.open("rb") as file:
        found = spool.read_header(file) or {}
    assert (found["format"], found["job_uuid"]) == (spool.FORMAT, "j")


def test_a_spool_is_its_owners_alone(path, writer):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_spool_is_never_overwritten(path, writer):
    with pytest.raises(FileExistsError):
        spool.Writer(str(path))


def test_a_spool_can_be_added_to(path, writer):
    writer.event(an_event(1))
    other = spool.Writer(str(path), append=True)
    other.exit({"rc": 0})
    other.close()
    writer.event(an_event(2))
    assert [record.kind for record in records(path)] == ["event", "exit", "event"]


def test_adding_makes_no_spool(path):
    with pytest.raises(FileNotFoundError):
        spool.Writer(str(path), append=True)
    assert not path.exists()


def test_what_json_has_no_word_for_is_refused_and_leaves_no_trace(path, writer):
    with pytest.raises(ValueError, match="JSON"):
        writer.event(an_event(1, event_data={"x": float("nan")}))
    writer.event(an_event(2))
    assert [record.value["counter"] for record in records(path)] == [2]


def test_closing_twice_does_nothing(writer):
    writer.close()
    writer.close()


def test_the_file_is_not_inherited(writer):
    assert not os.get_inheritable(writer._file)


@pytest.fixture
def small_files():
    """Let this process write files of a few bytes only; give a function that takes the limit away."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limits[1]))
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


def test_what_the_disk_does_not_take_goes_first_when_it_does(path, writer, small_files):
    writer.event(an_event(1))
    for counter in (2, 3):
        with pytest.raises(OSError, match="File too large"):
            writer.event(an_event(counter, stdout="x" * 300))
    assert [record.value["counter"] for record in records(path)] == [1]
    small_files()
    writer.event(an_event(4))
    assert [record.value["counter"] for record in records(path)] == [1, 2, 3, 4]


def test_a_backlog_has_an_end(path, writer, small_files):
    with pytest.raises(OSError, match="File too large"):
        writer.event(an_event(1, stdout="x" * (spool.MAX_BACKLOG - 1000)))
    with pytest.raises(spool.SpoolFull):
        writer.event(an_event(2, stdout="x" * 2000))
    small_files()
    writer.event(an_event(3))
    assert [record.value["counter"] for record in records(path)] == [1, 3]


def test_with_closed_standard_streams_the_spool_does_not_become_one(path):
    code = (
        "import os; os.close(0); os.close(1); from forge_events.spool import Writer;"
        f"w = Writer({str(path)!r}); os.write(2, str(w._file > 2).encode())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=True)
    assert done.stderr == "True"


def test_a_killed_writer_leaves_whole_lines_and_one_torn_one_at_most(path):
    code = (
        f"from forge_events.spool import Writer; w = Writer({str(path)!r}); print(flush=True)\n"
        "for n in range(10**9): w.event({'event': 'verbose', 'counter': n, 'stdout': 'x' * 5000})"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while path.stat().st_size < 2_000_000:
            pass
        process.kill()
    found = records(path)
    assert [record.value["counter"] for record in found] == list(range(len(found)))
    assert all(record.kind == "event" for record in found)
    assert b"\n" not in path.read_bytes()[found[-1].end :]


def test_two_writers_of_one_spool_do_not_mix_their_lines(path, writer):
    code = (
        f"from forge_events.spool import Writer; w = Writer({str(path)!r}, append=True)\n"
        "for n in range(500): w.event({'event': 'verbose', 'counter': n, 'stdout': 'x' * 9000})"
    )
    others = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) for _ in range(2)]
    assert [other.wait(timeout=60) for other in others] == [0, 0]
    found = records(path)
    assert sorted(record.value["counter"] for record in found) == sorted([*range(500), *range(500)])


def test_the_module_needs_the_standard_library_only():
    code = "import sys; sys.modules['pydantic'] = None; import forge_events.spool; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in done.stdout.split()} & {"sqlalchemy", "ansible", "psutil"} == set()


def test_a_line_is_one_json_object(path, writer):
    writer.event(an_event(1, stdout="two\nlines\u2028"))
    (line,) = path.read_bytes().splitlines()
    assert json.loads(line)["stdout"] == "two\nlines\u2028"

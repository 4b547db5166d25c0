# SPDX-License-Identifier: Apache-2.0
"""Whatever stands in an artifact, a stream or a file of ansible-navigator: no traceback, and the rules hold."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import tempfile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge_events.events import EARLIEST, LATEST, JobEvent
from forge_events.hierarchy import EVENTS, violations
from forge_events.ingestion.runner.artifact import Artifact as Reader
from forge_events.ingestion.runner.events import NoEvent
from forge_events.ingestion.runner.folder import Folder, Troubles
from forge_events.ingestion.runner.navigator import is_navigator, messages
from forge_events.ingestion.runner.stream import Stream
from forge_events.ingestion.runner.translation import Origin, Translation
from forge_events.ingestion.spools import Header
from forge_events.tree import Selection, draw, grow
from tests.ingestion.runner.artifacts import PLAY, whole
from tests.ingestion.spools import now

NAMES = (*EVENTS, "", "new", "EOF", "keepalive")
UUIDS = ("r", PLAY, f"{PLAY}_2", *(f"02fc0000-0001-ffd6-5c82-{number:012x}" for number in range(6)), "x_2", "../..")
FLAGS = (True, False, None)
PIDS = (7, 0, -1, True, 2**31 - 1, 2**31, 2**63, 10**30)
CODES = (0, 2, -9, 250, True, 2**31, -(2**63), 10**30)
TIMES = (
    "2026-01-02T12:00:00+00:00",
    "2026-01-02T12:00:00",
    "2026-01-02T24:00:00",
    "2026-01-02",
    "0001-01-01T00:00:00+00:00",
    "0001-01-01T00:00:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999+00:00",
    "9999-12-31T23:59:59.999999",
    "9999-12-31T23:59:59-12:00",
    "2026-01-02T12:00:00+23:59",
)


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"k": value}
    return value


DEPTHS = (100, 200, 255, 256, 400, 900)
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()), max_size=6)
)
anything = st.sampled_from(DEPTHS).map(nested) | st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def mostly(*values):
    return st.sampled_from(values) | anything


event_data = st.fixed_dictionaries(
    {},
    optional={
        "playbook": mostly("s.yml"),
        "playbook_uuid": mostly("r"),
        "play": mostly("p"),
        "play_uuid": mostly(*UUIDS),
        "pattern": mostly("all"),
        "name": mostly("n"),
        "task": mostly("t"),
        "task_uuid": mostly(*UUIDS),
        "task_action": mostly("debug", "setup", "meta", "set_stats"),
        "task_path": mostly("/a.yml:1", "/b.yml:2"),
        "role": mostly("/b.yml", "r"),
        "is_conditional": mostly(*FLAGS),
        "host": mostly("a", "b"),
        "included_file": mostly("/b.yml", "r"),
        "res": mostly({}, {"changed": True}, {"_ansible_no_log": True}, {"results": [{}]}),
        "ignore_errors": mostly(*FLAGS),
        "failures": mostly({"a": 1}),
        "rescued": mostly({"a": 1}),
        "artifact_data": anything,
    },
)
event = st.fixed_dictionaries(
    {"event": mostly(*NAMES), "uuid": mostly(*UUIDS), "counter": st.integers(1, 50) | anything},
    optional={
        "parent_uuid": mostly(*UUIDS),
        "event_data": event_data | anything,
        "stdout": mostly("included: /b.yml for a, b => (item=1)", "x\r\n", "[ERROR]: x", "skipping: [a] => {}"),
        "start_line": mostly(0, 1, -1, 2**63),
        "end_line": mostly(1, 2, 2**62),
        "created": mostly(*TIMES),
        "verbosity": mostly(1, -1, 2**31, 2**63),
        "pid": mostly(*PIDS),
        "runner_ident": mostly("i"),
    },
)
status = st.fixed_dictionaries(
    {"status": mostly("starting", "running", "successful", "failed", "canceled", "error", "timeout")},
    optional={"command": mostly(["ansible-playbook", "s.yml"], ["sh", "-c", "'"]), "cwd": anything, "env": anything},
)
message = event | status | st.fixed_dictionaries({"rc": mostly(*CODES)})


def translated(found, stats=None):
    """Return the events of messages: the store takes them and their job, the rules hold, and they can be drawn."""
    translation = Translation(Origin("i", now().isoformat(), stats=stats, keeps_environment=True))
    lines: list[dict[str, Any]] = []
    for each in found:
        try:
            lines += translation.take(each)
        except NoEvent:
            continue
    lines += translation.end()
    assert [next(iter(line)) for line in lines if "event" not in line] == ["header", "eof", "exit"]
    assert EARLIEST <= Header.of(lines[0]["header"]).as_job().created <= LATEST
    events = [JobEvent.from_spool(line, 1) for line in lines if "event" in line]
    assert list(violations(events)) == []
    assert all(EARLIEST <= event.created <= LATEST for event in events)
    assert len(list(draw(grow(events, Selection(has_helpers=True))))) == len(events)
    line = 0
    for made in events:
        assert made.start_line == line
        line = made.end_line
    return events


def check_messages(found, stats):
    translated(found, stats if isinstance(stats, dict) else None)


def check_stream(data):
    import io

    translated(list(Stream(io.BytesIO(data), Troubles()).messages()))


def check_navigator(plays, stdout):
    artifact = {"version": "2.0", "plays": plays, "stdout": stdout, "status": "failed"}
    assert is_navigator(artifact)
    translated(list(messages(artifact, "i", now().isoformat())))


def loop(path):
    path.symlink_to(path.name)


def leave(path):
    path.symlink_to("/etc/passwd")


def endless(path):
    path.symlink_to("/dev/zero")


ODD = (os.mkfifo, os.mkdir, loop, leave, endless)
MOMENTS = (0.0, -(2.0**31), 2.0**31, 2.0**33, 2.0**62)


def put(path, content, moment):
    """Put bytes, or something that is no file, where something may be already; a file system may refuse a time."""
    if path.is_dir():
        return
    path.unlink(missing_ok=True)
    path.write_bytes(content) if isinstance(content, bytes) else content(path)
    with contextlib.suppress(OSError, OverflowError):
        os.utime(path, (moment, moment), follow_symlinks=False)


def check_folder(files):
    with tempfile.TemporaryDirectory() as name:
        artifact = whole(pathlib.Path(name))
        for number, content, moment in files:
            place = ("status", "rc", "command", "stdout")[number] if number < 4 else None
            put(artifact.folder / (place or f"job_events/{number}-x.json"), content, moment)
        reader = Reader(Folder.at(str(artifact.folder)), Troubles())
        state = reader.state(now())
        stats = reader.stats()
        found = [reader.start(), *reader.events(is_over=True), {"status": state.status}, {"rc": state.rc}]
        reader.missing(state)
        times = reader.started(), reader.ended(TIMES[0])
        assert times[0] is None or EARLIEST <= times[0] <= LATEST
        reader.close()
        translated(found, stats)


chunk = (
    st.binary(max_size=40)
    | st.sampled_from((300, 1000, 5000, 100_000)).map(lambda depth: b"[" * depth + b"]" * depth)
    | message.map(lambda value: json.dumps(value).encode())
    | st.just(b'{"zipfile": 4}\nAAAA')
)
entry = st.dictionaries(
    mostly("__result", "start", "end", "task_uuid", "host", "uuid", "role").filter(lambda key: isinstance(key, str)),
    mostly("Ok", "Ignored", "x", *TIMES),
    max_size=5,
)
play = st.fixed_dictionaries(
    {}, optional={"tasks": st.lists(entry | anything, max_size=4) | anything, "name": anything}
)
CHECKS: dict[str, tuple[Any, dict[str, Any]]] = {
    "messages": (check_messages, {"found": st.lists(message, max_size=12), "stats": event_data}),
    "stream": (check_stream, {"data": st.lists(chunk, max_size=8).map(b"\n".join)}),
    "navigator": (check_navigator, {"plays": st.lists(play | anything, max_size=3), "stdout": st.lists(anything)}),
    "folder": (
        check_folder,
        {
            "files": st.lists(
                st.tuples(st.integers(0, 14), chunk | st.sampled_from(ODD), st.sampled_from(MOMENTS)), max_size=5
            )
        },
    ),
}
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.mark.parametrize("name", CHECKS)
def test_nothing_that_is_said_is_a_traceback(name):
    check, given_to = CHECKS[name]
    settings(max_examples=150, deadline=None, suppress_health_check=SLOW, database=None)(given(**given_to)(check))()


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "count"), [("messages", 60_000), ("stream", 20_000), ("navigator", 15_000), ("folder", 5_000)]
)
def test_nothing_that_is_said_is_a_traceback_in_a_hundred_thousand_tries(name, count):
    check, given_to = CHECKS[name]
    settings(max_examples=count, deadline=None, suppress_health_check=SLOW, database=None)(given(**given_to)(check))()

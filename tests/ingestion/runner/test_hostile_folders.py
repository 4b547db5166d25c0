# SPDX-License-Identifier: Apache-2.0
"""Whatever is broken in a folder is told of in one line, the rest is ingested, and nothing outside is touched."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from typing import TYPE_CHECKING

import pytest

from forge_events.jobs import JobStatus
from forge_events.spool import MAX_LINE
from tests.ingestion.runner.artifacts import Artifact, whole
from tests.ingestion.runner.conftest import take

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

LONG_AGO = time.time() - 3600


@pytest.fixture
def taken(tmp_path):
    return lambda path, **wishes: take(path, tmp_path / "events.db", **wishes)


def age(artifact: Artifact) -> None:
    """Let a folder have been left alone for an hour."""
    for path in (artifact.folder / "stdout", artifact.folder / "job_events", artifact.folder):
        if path.exists():
            os.utime(path, (LONG_AGO, LONG_AGO))


def test_a_whole_artifact_has_nothing_to_complain_of(taken, tmp_path):
    found = taken(whole(tmp_path).folder)
    assert (found.problems, found.job.status, found.job.rc) == ([], JobStatus.SUCCESSFUL, 0)
    assert (found.job.name, found.job.command) == ("site.yml", ["ansible-playbook", "site.yml"])
    assert found.job.directory == "/srv"
    assert found.stdout.startswith("\nPLAY [play]\n\nTASK [task 10]\nchanged: [a]\n")
    assert found.stdout.endswith("\nPLAY RECAP\n\n")


def replace(path: pathlib.Path, make: Callable[[], None]) -> None:
    path.unlink()
    make()


BREAK: dict[str, Callable[[pathlib.Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "half written": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "no JSON": lambda path: path.write_text("{what?"),
    "no object": lambda path: path.write_text("[1]"),
    "too deep": lambda path: path.write_text("[" * 100_000),
    "a number too large": lambda path: path.write_text("1" * 10_000),
    "a folder": lambda path: replace(path, path.mkdir),
    "a pipe": lambda path: replace(path, lambda: os.mkfifo(path)),
    "a link that leaves": lambda path: replace(path, lambda: path.symlink_to("/etc/passwd")),
    "a link to a device": lambda path: replace(path, lambda: path.symlink_to("/dev/zero")),
    "unreadable bytes": lambda path: path.write_bytes(b"\xff\xfe{}"),
}


@pytest.mark.parametrize("name", BREAK)
def test_an_event_that_cannot_be_read_costs_that_event(taken, tmp_path, name):
    artifact = whole(tmp_path)
    broken = next((artifact.folder / "job_events").glob("5-*.json"))
    BREAK[name](broken)
    found = taken(artifact.folder)
    (problem,) = found.problems
    assert problem.startswith(broken.name)
    assert "\n" not in problem
    assert len(found.events) == artifact.counter - 1
    assert found.job.status is JobStatus.SUCCESSFUL


def test_an_event_of_a_hundred_megabytes_is_too_large(taken, tmp_path):
    artifact = whole(tmp_path)
    broken = next((artifact.folder / "job_events").glob("5-*.json"))
    with broken.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    found = taken(artifact.folder)
    assert found.problems == [f"{broken.name}: it is larger than {MAX_LINE} bytes"]
    assert len(found.events) == artifact.counter - 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device file")
def test_a_device_is_not_read(taken, tmp_path):
    artifact = whole(tmp_path)
    broken = next((artifact.folder / "job_events").glob("5-*.json"))
    broken.unlink()
    os.mknod(broken, 0o20666, os.makedev(1, 5))  # /dev/zero, which never ends
    assert taken(artifact.folder).problems == [f"{broken.name}: it is a device, not a file"]


@pytest.mark.parametrize("name", ["status", "rc", "stdout", "command"])
@pytest.mark.parametrize("how", ["a pipe", "a link that leaves", "a folder", "missing", "empty", "too large"])
def test_a_file_beside_the_events_that_is_odd_is_told_of_once(taken, tmp_path, name, how):
    artifact = whole(tmp_path)
    path = artifact.folder / name
    path.unlink()
    if how == "too large":
        path.write_bytes(b"1" * (5 * 1024 * 1024))
    elif how == "empty":
        path.write_bytes(b"")
    elif how != "missing":
        path.touch()
        BREAK[how](path)
    age(artifact)
    found = taken(artifact.folder)
    # An output of any size is an output; nobody has to write a command down, or the output beside that of the events.
    is_fine = (name == "stdout" and how in ("empty", "too large", "missing")) or (name, how) == ("command", "missing")
    told = [problem.partition(": ")[0] for problem in found.problems]
    assert told == ([] if is_fine else [name])
    assert len(found.events) == artifact.counter
    assert found.job.status is JobStatus.SUCCESSFUL


def test_names_that_lead_out_are_names(taken, tmp_path):
    artifacts = tmp_path / "artifacts"
    artifact = whole(artifacts)
    hostile = ["7-..%2f..%2fetc.json", "8-a\nb.json", "x" * 250 + ".json", "9-\udcff.json", "..."]
    for name in hostile:
        (artifact.folder / "job_events" / name).write_bytes(
            json.dumps({"uuid": "../../../etc/passwd", "event": "verbose", "runner_ident": "../../x"}).encode()
        )
    (artifacts / "line\nfeed").mkdir()
    before = sorted(tmp_path.rglob("*"))
    found = taken(tmp_path)
    assert [line for line in found.problems if line.startswith("line")] == [
        "line\nfeed: it is no artifact of ansible-runner"
    ]
    assert found.job.status is JobStatus.SUCCESSFUL
    assert [path for path in sorted(tmp_path.rglob("*")) if "events.db" not in path.name] == before


def test_what_is_no_artifact_is_told_of_and_the_others_are_ingested(taken, tmp_path):
    artifacts = tmp_path / "artifacts"
    whole(artifacts, "good")
    outside = whole(tmp_path / "elsewhere", "outside")
    (artifacts / "link").symlink_to(outside.folder)
    (artifacts / "empty").mkdir()
    (artifacts / "file").write_text("x")
    os.mkfifo(artifacts / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(artifacts / "socket"))
        found = taken(tmp_path)
    assert len(found.jobs) == 1
    assert sorted(problem.partition(":")[0] for problem in found.problems) == [
        "empty",
        "file",
        "link",
        "pipe",
        "socket",
    ]


@pytest.mark.parametrize("below", ["artifacts", "job_events"])
def test_a_folder_that_is_a_link_is_not_followed(taken, tmp_path, below):
    outside = whole(tmp_path / "elsewhere")
    data = tmp_path / "data"
    if below == "artifacts":
        data.mkdir()
        (data / "artifacts").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(Exception, match="symbolic link"):
            taken(data)
    else:
        artifact = Artifact(data / "artifacts", "job").end()
        (artifact.folder / "job_events").rmdir()
        (artifact.folder / "job_events").symlink_to(outside.folder / "job_events")
        found = taken(data)
        assert [event.event for event in found.events] == ["playbook_on_start"]
        assert found.problems[0].startswith("job_events: it is no folder, or a symbolic link")


def test_a_cut_folder_is_ingested_with_what_is_there(taken, tmp_path):
    artifact = whole(tmp_path, tasks=3)
    for path in (artifact.folder / "job_events").iterdir():
        if int(path.name.partition("-")[0]) in (4, 5, 9):
            path.unlink()
    (artifact.folder / "status").unlink()
    (artifact.folder / "rc").unlink()
    age(artifact)
    found = taken(artifact.folder)
    assert sorted(found.problems) == [
        "job_events: 3 events are missing, beginning with number 4",
        "rc: it is missing",
        "status: it is missing",
    ]
    assert found.job.status is JobStatus.SUCCESSFUL
    assert found.job.job_explanation == "ansible-runner did not write how the job ended; its statistics tell"


def test_a_job_that_was_cut_off_is_an_error(taken, tmp_path):
    artifact = Artifact(tmp_path).root().play().task(10, "a")
    age(artifact)
    found = taken(artifact.folder)
    assert (found.job.status, found.job.job_explanation) == (
        JobStatus.ERROR,
        "ansible-runner did not write how the job ended",
    )


def test_a_job_that_is_being_written_is_taken_up_where_it_was_left(taken, tmp_path):
    artifact = Artifact(tmp_path).root().play().task(10, "a")
    first = taken(artifact.folder)
    assert (first.job.status, len(first.events), first.counts) == (JobStatus.RUNNING, 5, [5])
    artifact.task(11, "a").stats()
    half = artifact.event("verbose", "half")
    half.write_bytes(b'{"half": ')
    second = taken(artifact.folder)
    assert (second.counts, second.problems) == ([4], [])
    half.unlink()
    artifact.end()
    third = taken(artifact.folder)
    assert (third.counts, third.problems, third.job.status) == ([0], [], JobStatus.SUCCESSFUL)
    assert taken(artifact.folder).counts == [0]
    assert third.job.id == first.job.id


def test_partial_files_are_the_tail_that_runner_never_took(taken, tmp_path):
    artifact = Artifact(tmp_path).root().play().task(10, "a").stats()
    files = sorted((artifact.folder / "job_events").iterdir(), key=lambda path: int(path.name.partition("-")[0]))
    for path in files[3:]:
        event = json.loads(path.read_text())
        kept = {key: event[key] for key in ("event", "uuid", "created", "event_data", "pid")}
        path.with_name(f"{event['uuid']}-partial.json").write_text(json.dumps(kept))
        path.unlink()
    age(artifact)
    found = taken(artifact.folder)
    assert [event.event for event in found.events[2:]] == [
        "playbook_on_task_start",
        "runner_on_start",
        "runner_on_ok",
        "playbook_on_stats",
    ]
    assert found.events[-1].event_data["lost"] == ["stdout"]
    assert "job_events: 3 events at the end have lost their output: runner never took them in" in found.problems


def test_partial_files_of_events_that_were_taken_are_nothing_new(taken, tmp_path):
    artifact = whole(tmp_path)
    for path in list((artifact.folder / "job_events").iterdir()):
        event = json.loads(path.read_text())
        path.with_name(f"{event['uuid']}-partial.json").write_text(json.dumps(event))
    found = taken(artifact.folder)
    assert (found.problems, len(found.events)) == ([], artifact.counter)


def test_the_events_of_an_older_run_of_the_same_ident_are_left_out(taken, tmp_path):
    old = Artifact(tmp_path).root().play().task(10, "a").task(11, "a")
    for path in (old.folder / "job_events").iterdir():
        os.utime(path, (LONG_AGO, LONG_AGO))
    for path in (old.folder / "job_events").glob("2-*"):
        path.unlink()  # a play has the same uuid in both, so the new run has written over it
    aside = tmp_path / "new"
    new = whole(aside)
    for path in (new.folder / "job_events").iterdir():
        path.rename(old.folder / "job_events" / path.name)
    old.end()
    found = taken(old.folder)
    assert len(found.events) == new.counter
    (problem,) = found.problems
    assert problem.endswith("events belong to another run of the same ident")


def test_a_job_without_events_is_its_output(taken, tmp_path):
    artifact = Artifact(tmp_path)
    text = "\x1b[0;31mERROR! the playbook: nope.yml could not be found\x1b[0m\n"
    artifact.end("failed", 4)
    (artifact.folder / "stdout").write_text(text)
    found = taken(artifact.folder)
    assert found.stdout == text
    assert found.job.status is JobStatus.FAILED
    assert "the playbook: nope.yml could not be found" in found.job.job_explanation


def test_many_broken_files_are_not_many_lines(taken, tmp_path):
    artifact = Artifact(tmp_path).root()
    for _ in range(300):
        artifact.event("verbose", "x").write_text("{")
    artifact.end()
    assert len(taken(artifact.folder).problems) < 105


def test_2_mb_of_escapes_take_twice_as_long_as_1_mb(taken, tmp_path):
    def seconds(size: int) -> float:
        artifact = Artifact(tmp_path, f"{size} {time.monotonic_ns()}").root()
        artifact.event("verbose", "long", text="x\x1b[K\r\n" * (size // 6))
        artifact.end()
        start = time.process_time()
        found = taken(artifact.folder)
        assert len(found.stdout) > size * 0.7
        return time.process_time() - start

    seconds(1000)
    one, two = (min(seconds(size) for _ in range(3)) for size in (1024 * 1024, 2 * 1024 * 1024))
    assert two < 3 * one + 0.05


@pytest.mark.parametrize("pid", [0, -1, True, 2**31, 2**63, 10**30, "7"])
@pytest.mark.parametrize("created", ["0001-01-01T00:00:00", "9999-12-31T23:59:59+00:00", "yesterday", 5])
def test_numbers_and_times_that_cannot_be_are_left_out(taken, tmp_path, pid, created):
    artifacts = tmp_path / "artifacts"
    odd = whole(artifacts, "a")
    for path in (odd.folder / "job_events").iterdir():
        path.write_text(json.dumps({**json.loads(path.read_text()), "pid": pid, "created": created}))
    for name in ("command", "rc"):
        os.utime(odd.folder / name, (0, 2**33))
    whole(artifacts, "b")
    found = taken(tmp_path)
    assert [job.status for job in found.jobs] == [JobStatus.SUCCESSFUL] * 2
    assert found.problems == []


@pytest.mark.parametrize("rc", ["1" * 60, "-9999999999", "1.5", "\u0661"])
def test_an_exit_code_that_cannot_be_is_told_of(taken, tmp_path, rc):
    artifact = whole(tmp_path)
    (artifact.folder / "rc").write_text(rc)
    found = taken(artifact.folder)
    assert found.problems == ["rc: it holds no exit code"]
    assert (found.job.status, found.job.rc) == (JobStatus.SUCCESSFUL, None)


def test_a_part_of_an_artifact_gives_way_to_the_whole(taken, tmp_path):
    part, all_of_it = tmp_path / "part", tmp_path / "whole"
    shutil.copytree(whole(all_of_it).folder, part / "job")
    for name in ("status", "rc", *(f"job_events/{path.name}" for path in late(part / "job"))):
        (part / "job" / name).unlink()
    for path in (part / "job" / "stdout", part / "job" / "job_events", part / "job"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    assert taken(part / "job").job.status is JobStatus.ERROR
    found = taken(all_of_it / "job")
    assert (found.job.status, found.job.rc, found.job.job_explanation) == (JobStatus.SUCCESSFUL, 0, "")
    assert [event.counter for event in found.events] == list(range(1, len(found.events) + 1))
    assert found.events[-1].event == "playbook_on_stats"


def late(folder: pathlib.Path) -> list[pathlib.Path]:
    return [path for path in (folder / "job_events").iterdir() if int(path.name.partition("-")[0]) > 4]

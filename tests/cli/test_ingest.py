# SPDX-License-Identifier: Apache-2.0
"""``ingest`` and ``export`` with what ansible-runner leaves behind."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import time

import pytest

from tests.cli.conftest import shown
from tests.ingestion.runner.artifacts import Artifact, whole
from tests.ingestion.runner.test_streams import WHOLE


@pytest.fixture
def data(tmp_path):
    """Return a ``private_data_dir`` with two idents."""
    folder = tmp_path / "data"
    for ident in ("one", "two"):
        whole(folder / "artifacts", ident)
    return folder


@pytest.mark.parametrize("path", ["", "artifacts", "artifacts/one"])
def test_a_folder_of_runners_is_recognised_by_itself(cli, data, path):
    lines = cli.good("ingest", data / path).lines
    assert len(lines) == (1 if path.endswith("one") else 2)
    assert all("successful  8 events  site.yml" in line for line in lines)


def test_the_same_again_and_from_elsewhere_changes_nothing(cli, data, tmp_path):
    cli.good("ingest", data)
    before = [cli.good("jobs", "--json").out, cli.good("events", "1", "--jsonl").out]
    shutil.copytree(data, tmp_path / "copy")
    again = cli.good("ingest", data, tmp_path / "copy", "--json").json
    assert [each["event_count"] for each in again] == [0, 0, 0, 0]
    assert [cli.good("jobs", "--json").out, cli.good("events", "1", "--jsonl").out] == before


def test_what_is_broken_is_one_line_each_and_the_rest_is_there(cli, data):
    artifact = data / "artifacts" / "one"
    broken = next((artifact / "job_events").glob("5-*"))
    broken.write_text("")
    (artifact / "rc").unlink()
    (data / "artifacts" / "li\nne").mkdir()
    result = cli("ingest", data)
    assert result.rc == 5
    assert sorted(result.err.decode().splitlines()) == sorted(
        [
            f"forge-events: {broken} cannot be ingested: it is not JSON: JSONDecodeError",
            f"forge-events: {artifact}/rc cannot be ingested: it is missing",
            f"forge-events: {data}/artifacts/li\\nne cannot be ingested: it is no artifact of ansible-runner",
        ]
    )
    assert len(result.lines) == 2


def test_an_artifact_is_followed_until_it_ends(cli, tmp_path):
    artifact = Artifact(tmp_path).root().play()
    with cli.start("ingest", "--follow", artifact.folder) as process:
        wait_for(lambda: json.loads(cli.good("jobs", "--json").out))
        assert process.poll() is None
        artifact.task(10, "a").stats().end()
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")
    assert b"successful  6 events" in out


def test_a_stream_is_followed_until_it_ends(cli, tmp_path):
    path = tmp_path / "stream.jsonl"
    path.write_bytes(WHOLE[:200])
    with cli.start("ingest", "--follow", path) as process:
        with path.open("ab") as file:
            for start in range(200, len(WHOLE), 1000):
                file.write(WHOLE[start : start + 1000])
                file.flush()
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")
    assert b"successful  2 events" in out


def test_only_one_job_can_be_followed(cli, data):
    result = cli("ingest", "--follow", data)
    assert result.rc == 2
    assert b"2 jobs are there" in result.err


def test_a_stream_on_stdin_is_recorded(cli, tmp_path):
    (tmp_path / "stream").write_bytes(WHOLE)
    with (tmp_path / "stream").open("rb") as file:
        result = cli("ingest", "-", stdin=file)
    assert (result.rc, result.err) == (0, b"")
    assert "successful  2 events  s.yml" in result.text
    assert list(cli.spool.iterdir()) == []


def test_a_bar_on_a_terminal_and_nothing_of_it_in_a_pipe(cli, data):
    on_terminal = shown(cli.on_terminal("ingest", str(data)))
    assert b"2/2" in on_terminal
    assert on_terminal.count(b"successful") == 2
    assert cli.good("ingest", data).err == b""


def test_the_environment_is_kept_only_where_it_is_asked_for(cli, tmp_path):
    artifact = whole(tmp_path).command(command=["ansible-playbook"], cwd="/", env={"A": "b", "TOKEN": "hush"})
    cli.good("ingest", "--environment", artifact.folder)
    (root, *_rest) = [json.loads(line) for line in cli.good("events", "1", "--jsonl").lines]
    assert root["event_data"]["environment"] == {"A": "b", "TOKEN": "********"}


def test_a_job_is_written_for_runner_and_nothing_is_written_over(cli, data, tmp_path):
    cli.good("ingest", data)
    path = cli.good("export", "1", "--format", "runner", "--output", tmp_path / "out").lines[0]
    assert sorted(file.name for file in pathlib.Path(path).iterdir()) == [
        "command",
        "job_events",
        "rc",
        "status",
        "stderr",
        "stdout",
    ]
    assert cli("export", "1", "--format", "runner", "-o", tmp_path / "out").rc == 5
    assert cli("export", "1", "--format", "runner").rc == 2
    assert cli("export", "1", "--output", tmp_path / "out").rc == 2


def wait_for(found) -> None:
    """Wait until another process has done something."""
    for _ in range(300):
        if found():
            return
        time.sleep(0.05)
    raise AssertionError("nothing came")


def test_a_pipe_that_is_named_is_told_of_and_not_waited_for(cli, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert cli("ingest", tmp_path / "pipe").complaint.endswith("it is a pipe, not a file")

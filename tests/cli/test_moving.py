# SPDX-License-Identifier: Apache-2.0
"""``export`` and ``ingest``: jobs that come and go."""

from __future__ import annotations

import datetime
import json

import pytest

from tests.cli.conftest import CommandLine
from tests.cli.story import NOON, Story, example


@pytest.fixture
def elsewhere(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    return CommandLine(tmp_path / "elsewhere")


def known(cli, *commands):
    """Return all that a store tells of its latest job, but for when it learned it and by what number."""
    return [cli.good(*command).out for command in commands]


ALL = (
    ("jobs", "--json"),
    ("show", "latest", "--json"),
    ("events", "latest", "--jsonl"),
    ("tree", "latest", "--all", "--json"),
    ("hosts", "latest", "--json"),
    ("stdout", "latest"),
)


def odd():
    """Tell a job with text that is hard to carry."""
    story = Story("o\x00d\udcffd")
    story.play("p\u2028\x1b[31m")
    task = story.task("t")
    story.report(
        "runner_on_ok", "h", task, res={"changed": True, "stdout": "\ud800\x00é" * 10, "deep": [[[{"a": None}]]]}
    )
    story.message("verbose", "no newline")
    return story


@pytest.mark.parametrize(("tell", "rc"), [(example, 0), (odd, None), pytest.param(odd, 2, marks=pytest.mark.full)])
def test_an_exported_job_is_the_same_job_elsewhere(cli, elsewhere, tmp_path, tell, rc):
    tell().spool_to(cli.spool, rc=rc)
    exported = tmp_path / "job.jsonl"
    exported.write_bytes(cli.good("export", "latest", "--format", "jsonl").out)
    elsewhere.good("ingest", exported)
    assert known(elsewhere, *ALL) == known(cli, *ALL)
    assert elsewhere.good("export", "latest").out == exported.read_bytes()


def test_a_job_whose_end_nobody_saw_is_the_same_job_elsewhere(cli, elsewhere, tmp_path):
    story = example()
    story.begin_spool(cli.spool, pid=2**30)
    exported = tmp_path / "job.jsonl"
    exported.write_bytes(cli.good("export", "latest").out)
    elsewhere.good("ingest", exported)
    assert known(elsewhere, *ALL) == known(cli, *ALL)
    assert cli.good("show", "latest", "--json").json["status"] == "error"


def test_ingesting_again_changes_nothing(cli, tmp_path):
    path = example().spool_to(tmp_path / "from", rc=0)
    assert (
        cli.good("ingest", path).text == f"job 1  {path.stem}  successful  {len(example().events)} events  main.yml\n"
    )
    before = known(cli, *ALL)
    assert cli.good("ingest", path.parent, path, "--json").json[0]["event_count"] == 0
    assert known(cli, *ALL) == before
    assert path.exists()


def test_the_good_are_ingested_though_others_are_broken(cli, tmp_path):
    good = example().spool_to(tmp_path / "from", rc=0)
    (tmp_path / "none.jsonl").write_text("what?\n")
    result = cli("ingest", tmp_path / "missing", tmp_path / "none.jsonl", good)
    assert result.rc == 5
    assert result.err.decode().splitlines() == [
        f"forge-events: {tmp_path}/missing cannot be ingested: No such file or directory",
        f"forge-events: {tmp_path}/none.jsonl cannot be ingested: its first line is no header",
    ]
    assert cli.good("jobs", "--json").json[0]["status"] == "successful"


def test_a_damaged_line_is_told_of_and_the_rest_is_ingested(cli, tmp_path):
    path = example().spool_to(tmp_path / "from", rc=0)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b"{torn\n", *lines[3:]]))
    result = cli("ingest", path, "--json")
    assert result.rc == 5
    assert (
        result.complaint == f"{path}: 1 line is no event, the first one because the line is not JSON: JSONDecodeError"
    )
    assert result.json[0]["event_count"] == len(example().events)
    assert result.json[0]["damages"][0]["start"] == sum(map(len, lines[:3]))


def test_a_folder_is_ingested_whole(cli, tmp_path):
    for number in range(3):
        example(name=f"job {number}", started=NOON + datetime.timedelta(hours=number)).spool_to(tmp_path / "from", rc=0)
    assert len(cli.good("ingest", tmp_path / "from").lines) == 3
    assert [job["name"] for job in cli.good("jobs", "--json").json] == ["job 2", "job 1", "job 0"]


def test_a_spool_that_was_exported_is_plain_ascii_json_lines(cli):
    odd().spool_to(cli.spool)
    exported = cli.good("export", "latest").out
    assert exported.isascii()
    kinds = [next(iter(json.loads(line))) for line in exported.splitlines()]
    assert (kinds[0], kinds[-2:]) == ("header", ["eof", "exit"])

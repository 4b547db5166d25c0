# SPDX-License-Identifier: Apache-2.0
"""``stdout``: what a job printed."""

from __future__ import annotations

import pytest

from tests.cli.story import Story

OUTPUT = "\x1b[0;32mok: <b>\x1b[0m é \udcff\x00\n", "one\ntwo\n\x1b[31mthree\n", "four, \rnot ended"
BYTES = "".join(OUTPUT).encode("utf-8", "surrogateescape")


@pytest.fixture
def job(cli):
    story = Story()
    for text in OUTPUT:
        story.message("verbose", text)
    story.spool_to(cli.spool)
    return story


def test_ansi_is_byte_for_byte_also_in_a_locale_that_knows_ascii_only(cli, job):
    assert cli.good("stdout", "latest").out == BYTES
    assert cli.good("stdout", "latest", "--format", "ansi", env={"LC_ALL": "C", "PYTHONUTF8": "0"}).out == BYTES


def test_text_has_no_colours(cli, job):
    assert cli.good("stdout", "1", "--format", "text").out == b"ok: <b> \xc3\xa9 \xff\none\ntwo\nthree\nfour, not ended"


def test_html_is_a_page(cli, job):
    page = cli.good("stdout", "1", "--format", "html").text
    assert page.startswith("<!DOCTYPE html>")
    assert "ok: &lt;b&gt;</span>" in page
    assert "<title>main.yml (job 1)</title>" in page


@pytest.mark.parametrize(("start", "end"), [(0, None), (1, 3), (2, 99), (0, 0), (3, None), (99, None)])
def test_a_range_of_lines(cli, job, start, end):
    limits = ["--start", str(start), *(["--end", str(end)] if end is not None else [])]
    lines = BYTES.split(b"\n")
    lines = [line + b"\n" for line in lines[:-1]] + lines[-1:]
    assert cli.good("stdout", "1", *limits).out == b"".join(lines[start:end])


def test_json_has_the_range_and_the_content(cli, job):
    whole = cli.good("stdout", "1", "--format", "json").json
    assert whole == {"range": {"start": 0, "end": 5, "absolute_end": 5}, "content": "".join(OUTPUT)}
    part = cli.good("stdout", "1", "--format", "json", "--start", "1", "--end", "3").json
    assert part == {"range": {"start": 1, "end": 3, "absolute_end": 5}, "content": "one\ntwo\n"}
    assert cli.good("stdout", "1", "--format", "json", "--end", "99").json["range"]["end"] == 5


def test_a_job_that_printed_nothing(cli):
    Story().spool_to(cli.spool)
    assert cli.good("stdout", "1").out == b""
    assert cli.good("stdout", "1", "--format", "json").json["range"] == {"start": 0, "end": 0, "absolute_end": 0}

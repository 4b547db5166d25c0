# SPDX-License-Identifier: Apache-2.0
"""What is told of a job elsewhere, as CI reads it, in words, on a page: what a job printed commands none of them."""

from __future__ import annotations

import json
import re

import junitparser
import pytest

from tests.cli.story import Story, example
from tests.cli.test_reading import failing

HOSTILE = "</script><script>alert(1)</script>\n::error::%0A```` \ud800\x00\x1b[2J\u202e&quot; | <b>"


@pytest.fixture
def broken(cli):
    """Return the command line with a job in which everything happens, and whose names are all hostile."""
    story = Story(HOSTILE)
    story.play(f"play {HOSTILE}")
    task = story.task(f"task {HOSTILE}", path="/srv/plays/site.yml:7")
    for host in ("web1", "web2"):
        story.begin(host, task)
        story.report("runner_on_failed", host, task, res={"msg": HOSTILE}, duration=1.5)
    story.results(story.task("other", path="/srv/plays/roles/x.yml:2"), db="ok", cache="skipped")
    ignored = story.task("ignored")
    story.begin("db", ignored)
    story.report("runner_on_failed", "db", ignored, res={"msg": "never mind"}, ignore_errors=True)
    story.message("verbose", HOSTILE)
    story.stats(ok={"db": 2}, failures={"web1": 1, "web2": 1}, skipped={"cache": 1}, ignored={"db": 1})
    story.spool_to(cli.spool, rc=2, directory="/srv/plays")
    return cli


def test_junit_has_a_suite_for_each_play_and_a_case_for_each_result(broken):
    found = junitparser.JUnitXml.fromstring(broken.good("export", "--format", "junit").out)
    (suite,) = found
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (5, 2, 0, 1)
    assert suite.name.startswith("play </script>")
    cases = {case.name.partition(":")[0]: case for case in suite if "ignored" not in case.name}
    assert cases["web1"].result[0].message == "</script><script>alert(1)</script>"
    assert cases["web1"].time == 1.5
    assert cases["web1"].classname == "site.yml"
    assert (cases["db"].is_passed, cases["cache"].is_skipped) == (True, True)
    assert [case.is_passed for case in suite if "ignored" in case.name] == [True]


def test_a_playbook_that_was_refused_is_an_error_of_the_whole_job(cli):
    story = Story("none.yml")
    story.spool_to(cli.spool, rc=4)
    (suite,) = junitparser.JUnitXml.fromstring(cli.good("export", "--format", "junit").out)
    assert (suite.name, suite.tests, suite.errors) == ("none.yml", 1, 1)
    assert cli.good("export", "--format", "github").text.startswith("::error title=job none.yml ")
    assert cli.good("export", "--format", "gitlab").json[0]["location"]["path"] == "none.yml"


def test_annotations_are_a_line_for_each_cause_beside_its_task(broken):
    (line,) = broken.good("export", "--format", "github").lines
    found = re.fullmatch(r"::error file=site\.yml,line=7,title=([^:,]*( failed on web1%2C web2))::(.*)", line)
    assert found
    assert found[3].startswith("</script><script>alert(1)</script>%0A::error::%250A````")
    (issue,) = json.loads(broken.good("export", "--format", "gitlab").out)
    assert issue["location"] == {"path": "site.yml", "lines": {"begin": 7}}
    assert issue["severity"] == "critical"
    assert len(issue["fingerprint"]) == 64


def test_markdown_takes_nothing_for_markup(broken):
    lines = broken.good("export", "--format", "markdown").lines
    assert lines[0].startswith("## ❌ \\</script\\>")
    start = lines.index("`````text")
    assert lines[start + 1 : start + 3] == [
        "</script><script>alert(1)</script>",
        "::error::%0A```` \\ud800&quot; | <b>",
    ]
    assert lines.index("`````") > start
    assert "| **web1** | 0 | 0 | 0 | 1 | 0 | 0 | 0 |" in lines
    outside = "\n".join([*lines[:start], *lines[lines.index("`````") :]])
    assert not re.search(r"(?<!\\)<(?!/?details>|/?summary>)", outside)


def test_a_page_has_everything_and_needs_nothing(broken):
    page = broken.good("export", "--format", "html").text
    assert page.count("<script>") == 1
    assert "alert(1)" in page
    assert not re.search(r"""(src|href)=|url\(|@import|https?:""", page)
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", page)
    for name in ("web1", "web2", "cache", "db"):
        assert name in page


def test_a_good_job_has_nothing_to_annotate(cli):
    example().spool_to(cli.spool, rc=0)
    assert cli.good("export", "--format", "github").out == b""
    assert cli.good("export", "--format", "gitlab").json == []
    assert cli.good("export", "--format", "markdown").lines[0] == "## ✅ main\\.yml successful after 5.0 s"


@pytest.mark.parametrize("is_there", [True, False])
def test_record_summarises_where_github_says_where_to(cli, tmp_path, is_there):
    (tmp_path / "site.yml").write_text(
        "- hosts: h\n  gather_facts: false\n  tasks: [{name: stop, fail: {msg: at last}}]\n"
    )
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    env = {"GITHUB_STEP_SUMMARY": str(file if is_there else tmp_path / "no" / "where")}
    command = ["ansible-playbook", "-i", "h,", "-c", "local", "site.yml"]
    result = cli("record", "--summary", "--", *command, cwd=tmp_path, env=env)
    assert result.rc == 2
    assert re.fullmatch(r"::error file=site\.yml,line=\d,title=stop failed on h::at last", result.lines[-1])
    if is_there:
        assert file.read_text().startswith("before\n## ❌ site\\.yml failed")
        assert result.err == b""
    else:
        assert result.complaint == "the summary cannot be written: No such file or directory"


def test_a_failing_story_is_told_as_why_tells_it(cli):
    failing().spool_to(cli.spool, rc=2)
    assert [cause["hosts"] for cause in cli.good("why", "--json").json["causes"]] == [["b"]]
    assert "title=mixed failed on b" in cli.good("export", "--format", "github").text

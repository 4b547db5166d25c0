# SPDX-License-Identifier: Apache-2.0
"""After a tab the shell offers what there is, and nothing where the store cannot be used."""

from __future__ import annotations

import pytest

from tests.cli.story import example


def offered(cli, words):
    """Return what bash offers for the last of some words."""
    asked = {"_FORGE_EVENTS_COMPLETE": "complete_bash", "COMP_WORDS": f"forge-events {words}"}
    count = len(words.split()) + words.endswith(" ")
    result = cli(env={**asked, "COMP_CWORD": str(count)})
    assert result.err == b""
    return [line for line in result.lines if line]


@pytest.fixture
def known(cli, tmp_path):
    example().spool_to(cli.spool, rc=0)
    cli.good("jobs")
    (tmp_path / "site.yml").touch()
    cli.good("template", "create", "deploy it", str(tmp_path / "site.yml"))
    return cli


def test_jobs_templates_and_hosts_are_offered(known):
    assert offered(known, "show ") == ["latest", "failed", "1"]
    assert offered(known, "tree la") == ["latest"]
    assert offered(known, "template launch ") == ["deploy it"]
    assert offered(known, "events 1 --host ") == ["hostA", "hostB", "hostC"]
    assert offered(known, "node enable ") == []


def test_nothing_is_offered_or_told_where_there_is_no_database(cli):
    cli.url = "postgresql://127.0.0.1:1/none"
    assert offered(cli, "show ") == []

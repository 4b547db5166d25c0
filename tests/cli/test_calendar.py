# SPDX-License-Identifier: Apache-2.0
"""A time at the edge of the calendar is one that every time zone has: no job hides the others."""

from __future__ import annotations

import json

import pytest

from forge_events.events import EARLIEST, LATEST
from tests.ingestion.spools import Spool

COMMANDS = [
    ["jobs"],
    ["jobs", "--json"],
    ["show", "early"],
    ["show", "late"],
    ["events", "early"],
    ["events", "late", "--jsonl"],
    ["search", "hello"],
    ["tree", "late"],
    ["hosts", "late"],
    ["export", "late"],
    ["results", "--failed", "--days", "999999999"],
    ["usage"],
    ["cleanup-jobs", "--days", "90", "--dry-run"],
    ["cleanup-jobs", "--days", "9999999", "--dry-run"],
]


def write(folder, uuid, started, finished):
    spool = Spool(folder, job_uuid=uuid, host="elsewhere", started=started)
    for name, host in (("playbook_on_start", ""), ("runner_on_failed", "a")):
        spool.event(name, created=started, stdout="hello\n", event_data={"host": host})
    spool.exit(0, finished=finished)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/New_York", "XXX+24:59:59"])
def test_every_command_shows_every_time(cli, zone):
    cli.spool.mkdir(parents=True, mode=0o700)
    write(cli.spool, "good", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:05+00:00")
    write(cli.spool, "late", "9999-12-31T23:59:59.999999+00:00", "9999-12-31T23:59:59+00:00")
    write(cli.spool, "early", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00")
    for command in COMMANDS:
        result = cli(*command, env={"TZ": zone})
        assert result.rc == 0, (command, result.err)
    jobs = {job["uuid"]: job["started"] for job in json.loads(cli("jobs", "--json").out)}
    assert jobs["early"] == EARLIEST.isoformat()
    assert jobs["late"] == LATEST.isoformat()

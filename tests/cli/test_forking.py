# SPDX-License-Identifier: Apache-2.0
"""The tests' quick way to run a command ends as a process that starts anew does."""

from __future__ import annotations

import pytest


def outcomes(cli, *words, **options):
    """Return how a command ends that is forked, and one that starts anew."""
    forked = cli(*words, **options)
    with cli.start(*words, **options) as process:
        out, err = process.communicate(timeout=60)
    return (forked.rc, forked.out, forked.err), (process.returncode, out, err)


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["--help"],
        ["jobs"],
        ["jobs", "--json"],
        ["show", "7"],
        ["no-such-command"],
        ["record", "--", "sh", "-c", "echo ä; echo error >&2; exit 3"],
        ["record", "--", "sh", "-c", "kill -TERM $$"],
        ["record", "--", "no-such-command"],
        ["record", "--", "sh", "-c", "env | grep -v FORGE_EVENTS_"],
        ["record", "--", "pwd"],
    ],
)
def test_a_forked_command_ends_as_one_that_starts_anew(cli, tmp_path, words):
    forked, anew = outcomes(cli, *words, cwd=tmp_path, env={"MARK": "1", "TZ": "Asia/Tokyo"})
    assert forked == anew


def test_a_forked_command_has_no_stream_but_its_own(cli):
    forked, anew = outcomes(cli, "record", "--", "sh", "-c", "ls /proc/self/fd")
    assert forked == anew

# SPDX-License-Identifier: Apache-2.0
"""``workflow``: check a workflow that is written down, see what would run, keep it and launch it."""

from __future__ import annotations

import pytest

RELEASE = """
name: release
ask: [limit]
nodes:
  build: {template: build}
  smoke: {template: smoke-test, after: build, retries: 2, delay: 30}
  approve: {approval: "Release to production?", after: smoke, timeout: 4h}
  deploy: {template: deploy, after: {approve: success, build: success}, join: all, launch: {limit: "{workflow}"}}
  rollback: {template: roll-back, after: {deploy: failure}}
  report: {template: report, after: {deploy: always, rollback: always}}
"""


@pytest.fixture
def made(cli, tmp_path):
    (tmp_path / "ping.yml").write_text("- hosts: localhost\n  tasks: [ping: ]\n")
    for name in ("build", "smoke-test", "roll-back", "report"):
        cli.good("template", "create", name, "ping.yml", cwd=tmp_path)
    cli.good("template", "create", "deploy", "ping.yml", "--ask", "limit", cwd=tmp_path)
    return cli


def test_a_workflow_is_checked_and_drawn(made, tmp_path):
    file = tmp_path / "release.yml"
    file.write_text(RELEASE)
    assert made.good("workflow", "validate", file).lines == [
        "release",
        "└─ build",
        "   └─ smoke   template smoke-test   up to 3 attempts after 30 s",
        "      └─ approve   asks: Release to production?   denied after 4 h 0 s",
        "         └─ deploy   waits for approve and build (all)",
        "            └─ rollback   template roll-back   if deploy fails",
        "               └─ report   after deploy or rollback",
    ]
    found = made.good("workflow", "validate", file, "--json").json
    assert found["nodes"]["approve"]["timeout"] == 14_400
    assert found["nodes"]["smoke"]["after"] == {"build": "success"}


def test_what_would_run_is_told_without_running_anything(made, tmp_path):
    file = tmp_path / "release.yml"
    file.write_text(RELEASE)
    assert made.good("workflow", "what-if", file, "smoke=failed").lines == [
        "NODE      STATUS      WHY",
        "build     successful",
        "smoke     failed",
        "approve   not run     smoke is failed, and success was needed",
        "deploy    not run     approve did not run",
        "rollback  not run     deploy did not run",
        "report    not run     deploy did not run, and rollback did not run",
        "the workflow is failed",
    ]
    found = made.good("workflow", "what-if", file, "deploy=error", "--json").json
    assert found["status"] == "successful"
    assert {one["node"]: one["state"] for one in found["nodes"]}["rollback"] == "successful"
    assert made("workflow", "what-if", file, "other=failed").complaint.startswith("other cannot be used")
    assert made("workflow", "what-if", file, "smoke=bad").rc == made("workflow", "what-if", file, "smoke").rc == 2


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nname: w\nnodes: {n: {template: build}}\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (RELEASE.replace("after: build", "after: report"), "in a circle: "),
        (RELEASE.replace("template: report", "template: gone"), "there is no job template 'gone'"),
        (RELEASE.replace('limit: "{workflow}"', "tags: [a]"), "nodes.deploy.launch.tags cannot be used"),
        (RELEASE.replace("ask: [limit]", "ask: []"), "the workflow does not ask for it"),
        (RELEASE.replace("ask: [limit]", "ask: [anything]"), "a launch has no field 'anything'"),
        (RELEASE.replace("after: build", "after: nobody"), "there is no node 'nobody'"),
        (RELEASE.replace("timeout: 4h", "timeout: long"), "a duration is a number"),
        (RELEASE.replace("retries: 2", "retires: 2"), "nodes.smoke.retires cannot be used"),
        (RELEASE.replace("{template: build}", "{}"), "either a template or an approval"),
        (RELEASE.replace("rollback:", "report:"), "'report' is there twice"),
        (RELEASE.replace("build:", "1:", 1), "1 is no text"),
        (BOMB, "an alias cannot be used"),
        ("name: w\nnodes: {}\n", "nodes cannot be used"),
        ("[" * 100_000, "it is nested too deep"),
        ("hello", "it is no map"),
        ("a: b: c", "line 1"),
        ("\0", "the workflow cannot be used"),
        ("#" * (2**20 + 1), "it has more than 1 MiB"),
    ],
)
def test_what_is_no_workflow_is_refused_in_one_line(made, tmp_path, text, reason):
    file = tmp_path / "w.yml"
    file.write_text(text)
    done = made("workflow", "validate", file)
    assert (done.rc, done.out) == (2, b"")
    assert reason in done.complaint


def test_a_workflow_is_kept_launched_answered_and_canceled(made, tmp_path):
    file = tmp_path / "release.yml"
    file.write_text(RELEASE)
    assert made.good("workflow", "create", "-f", file).text == "workflow 1  release\n"
    shown = tmp_path / "shown.yml"
    shown.write_text(made.good("workflow", "show", "release", "--yaml").text)
    made.good("workflow", "replace", "release", "-f", shown)
    assert made.good("workflow", "show", "1").lines == made.good("workflow", "validate", file).lines
    assert made.good("workflow", "list", "--json").json[0]["flow"]["nodes"]["deploy"]["join"] == "all"
    assert made.good("workflow", "launch", "release", "--limit", "prod").text == "1\n"
    assert made.good("workflow", "status", "1").lines[0] == "release  1  running"
    assert made.good("workflow", "jobs", "--json").json[0]["fields"] == ["limit"]
    assert made("workflow", "wait", "1", "--timeout", "0").rc == 10
    assert (
        made("workflow", "approve", "1", "approve").complaint
        == "workflow job 1 does not wait for an answer to 'approve'"
    )
    made.good("workflow", "cancel", "1")
    assert made("workflow", "relaunch", "1", "--from-failed").rc == 2
    for words, rc in ((("launch", "none"), 3), (("status", "7"), 3), (("launch", "release", "-e", "a=1"), 2)):
        assert made("workflow", *words).rc == rc
    made.good("workflow", "delete", "release")
    assert made("workflow", "create", "-f", shown, "-x").rc == 2

# SPDX-License-Identifier: Apache-2.0
"""``webhook``: made, narrowed down, given another key and deleted."""

from __future__ import annotations

import pytest


@pytest.fixture
def deploy(cli, tmp_path):
    (tmp_path / "site.yml").write_text("- hosts: all\n")
    cli.good("template", "create", "deploy", str(tmp_path / "site.yml"))
    return cli


def test_a_webhook_from_the_beginning_to_the_end(deploy, tmp_path):
    path, key = deploy.good("webhook", "create", "deploy", "--service", "github", "--branch", "main").lines
    assert path == "/api/v2/job_templates/1/github/"
    assert len(key) > 30
    (tmp_path / "key").write_text("whsec_AAAA\n")
    deploy.good("webhook", "create", "deploy", "--service", "gitlab", "--key-file", str(tmp_path / "key"))
    assert "push on main" in deploy.good("webhook", "list").text
    deploy.good(
        "webhook", "edit", "deploy", "--service", "github", "--branch", "", "--tag", "v*", "--when", "tag != 'v0'"
    )
    (first, second) = deploy.good("webhook", "list", "deploy", "--json").json
    assert (first["branches"], first["tags"], first["when"]) == ([], ["v*"], "tag != 'v0'")
    assert (second["template"], second["service"]) == ("deploy", "gitlab")
    assert "sealed" not in str(first)
    assert deploy.good("webhook", "rotate", "deploy", "--service", "github").text.strip() != key
    assert deploy.good("webhook", "deliveries", "deploy", "--service", "github", "--json").json == []
    deploy.good("webhook", "delete", "deploy", "--service", "github")
    assert len(deploy.good("webhook", "list", "--json").json) == 1


@pytest.mark.parametrize(
    ("words", "rc", "complaint"),
    [
        (("create", "nothing", "--service", "github"), 3, "there is no job template 'nothing'"),
        (("create", "deploy", "--service", "svn"), 2, "'svn' is none of github"),
        (("create", "deploy", "--service", "github", "--when", "a ="), 2, "when cannot be used"),
        (("create", "deploy", "--service", "github", "--branch", "x" * 300), 2, "branches"),
        (("create", "deploy", "--service", "github", "--key-file", "/none"), 2, "cannot be read"),
        (("rotate", "deploy", "--service", "github"), 3, "the job template has no webhook of 'github'"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(deploy, words, rc, complaint):
    result = deploy("webhook", *words)
    assert result.rc == rc
    assert complaint in result.complaint

# SPDX-License-Identifier: Apache-2.0
"""What ansible-playbook is told; tests/matrix shows that it understands."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from forge_events import launching
from forge_events.arguments import arguments_of, command_of
from forge_events.errors import InvalidLaunch
from forge_events.launches import LONGEST_WORD, Launch
from forge_events.patterns import exactly, parts_of
from forge_events.variables import is_reserved, to_yaml

FULL = Launch.of(
    playbook="plays/site.yml",
    project="/srv",
    inventory=["/srv/hosts", "a,b"],
    extra_vars={"a": "geheim {{ b }}"},
    untrusted_vars={"b": "geheim {{ a }}"},
    extra_vars_files=["/srv/vars.yml"],
    limit="web:!db",
    tags=["a", "b"],
    skip_tags=["c"],
    forks=7,
    check=True,
    diff=True,
    verbosity=3,
)


def nested(depth: int) -> Any:
    return [] if depth == 1 else {"a": nested(depth - 1)}


def test_all_that_a_launch_says_is_told():
    words, files = arguments_of(FULL, "/jobs/a b")
    assert words == [
        *("-i", "/srv/hosts", "-i", "a,b", "-e", "@/srv/vars.yml"),
        *("-e", "@/jobs/a b/extra_vars.yml", "-e", "@/jobs/a b/untrusted_vars.yml", "-l", "web:!db"),
        *("-t", "a,b", "--skip-tags", "c", "-f", "7", "-C", "-D", "-vvv", "plays/site.yml"),
    ]
    assert files == {
        "extra_vars.yml": '---\n{? "a" : "geheim {{ b }}"}\n',
        "untrusted_vars.yml": '---\n{? !unsafe "b" : !unsafe "geheim {{ a }}"}\n',
    }


def test_nothing_is_told_of_what_a_launch_does_not_say():
    assert arguments_of(Launch.of(playbook="site.yml"), "/job") == (["site.yml"], {})


def test_people_see_the_same_words_without_values():
    words, files = arguments_of(FULL, "/job")
    shown = ["********" if word.startswith("@/job/") else word for word in words]
    assert len(files) == 2 and command_of(FULL) == ["ansible-playbook", *shown]


def test_what_is_older_than_a_rule_is_refused_when_it_is_run():
    stored = Launch.model_validate({"playbook": "site.yml", "limit": "@/etc/shadow"})
    for use in (
        lambda: arguments_of(stored, "/job"),
        lambda: launching.placed(stored),
        lambda: stored.changed(forks=1),
    ):
        with pytest.raises(InvalidLaunch, match="limit cannot be used: a part of it begins with @"):
            use()


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        *(
            ({"limit": limit}, "a part of it begins with @")
            for limit in ("@a", "a,@b", "a:@b", "a\n@b", "!@a", "]@a", " @a")
        ),
        *(({"limit": limit}, "names nothing") for limit in (",", " ", " , ", "\n", ":", "[")),
        *(({field: ["-x"]}, "begins with -") for field in ("inventory", "tags", "skip_tags")),
        *(({field: "-x"}, "begins with -") for field in ("limit", "playbook", "execution_environment")),
        *(({field: ["a\0"]}, "a NUL") for field in ("inventory", "tags", "extra_vars_files", "limit_hosts")),
        *(({field: "/a\0"}, "a NUL") for field in ("limit", "playbook", "project", "node", "execution_environment")),
        ({"limit": "a", "limit_hosts": ["b"]}, "a list of hosts beside it"),
        ({"tags": ["x" * 4000] * 30}, "takes more than 100000 bytes"),
        ({"extra_vars": {"a": ["\ud800"]}}, "no character"),
        ({"untrusted_vars": {"a": {"\udfff": 1}}}, "no character"),
        ({"extra_vars": {"a": nested(200)}}, "more than 200 levels"),
        ({"extra_vars": {"a": 10**5000}}, "a number in it is too large"),
        ({"untrusted_vars": {"ansible_connection": "x"}}, "only whoever writes the template may set it"),
        ({"untrusted_vars": {"inventory_hostname": "x"}}, "only whoever writes the template may set it"),
    ],
)
def test_what_would_mean_something_else_to_ansible_is_refused(fields, complaint):
    with pytest.raises(InvalidLaunch, match=complaint):
        Launch.of(**{"playbook": "site.yml", **fields})


def test_whoever_writes_the_template_may_tell_ansible_how_to_work():
    variables = {"ansible_user": "{{ login }}"}
    launch = Launch.of(
        playbook="site.yml", extra_vars=variables, untrusted_vars={"login": "me", "my_ansible_user": "x"}
    )
    assert (launch.extra_vars, is_reserved("my_ansible_user"), is_reserved("ansible")) == (variables, False, False)


@pytest.mark.parametrize(
    ("limit", "parts"),
    [
        ("web", ["web"]),
        ("web, db:x ,,", ["web", "db:x"]),
        ("web:!db:&a[0:1]", ["web", "!db", "&a[0:1]"]),
        ("a b\tc\n", ["a", "b", "c"]),
        ("", []),
    ],
)
def test_a_limit_has_parts(limit, parts):
    assert parts_of(limit) == parts


@pytest.mark.parametrize("name", ["web1", "db prod", "::1", "web1.example.net", "user@web1", "wéb", "localhost", "a:b"])
def test_a_name_without_special_characters_is_its_own_pattern(name):
    assert exactly(name) == name


@pytest.mark.parametrize("name", ["a,b", "web[1]", "*", "~x", "!x", "&x", "@x", "-x", " x", "x ", "a\nb", "a?"])
def test_any_other_name_is_an_expression_of_harmless_characters(name):
    found = exactly(name)
    assert found.startswith(r"~\A") and found.endswith(r"\Z")
    assert set(found[3:-2]) <= set("\\U0123456789abcdefghijklmnopqrstuvwxyz")


def test_hosts_are_a_list_that_ansible_splits_at_commas_alone():
    words, files = arguments_of(Launch.of(playbook="site.yml", limit_hosts=["db prod", "::1"]), "/job")
    assert (words, files) == (["-l", "db prod,::1,", "site.yml"], {})
    assert arguments_of(Launch.of(playbook="site.yml", limit_hosts=["a:b"]), "/job").words[1] == "a:b,"


def test_a_limit_that_no_argument_can_hold_is_a_file():
    names = [f"host{number}" for number in range(LONGEST_WORD // 8)]
    words, files = arguments_of(Launch.of(playbook="site.yml", limit_hosts=names), "/a home")
    assert words == ["-l", "@/a home/limit,", "site.yml"]
    assert files["limit"].splitlines() == names
    assert command_of(Launch.of(playbook="site.yml", limit_hosts=names))[2].split(",") == [*names, ""]


def test_only_what_yaml_takes_for_text_is_marked():
    texts = ["", "0123", "1.5", "yes", "2020-01-01", "<<", "a", "lookup('pipe', 'id')", "{{ a }}", "#"]
    lines = to_yaml({"": texts}, is_trusted=False)
    assert [text for text in texts if f'!unsafe "{text}"' in lines] == texts[6:]
    assert "!unsafe" not in to_yaml({"": texts}, is_trusted=True)


def test_any_length_and_depth_is_read_again():
    values = {
        "k" * 5000: "v" * 10**6,
        "deep": nested(200),
        "n": [1e16, 1e-7, -0.0, 10**40, None, True],
        "t": "\0\x85\u2028\ufeff",
    }
    assert yaml.safe_load(to_yaml(values, is_trusted=True)) == values

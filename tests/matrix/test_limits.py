# SPDX-License-Identifier: Apache-2.0
"""Exact names of hosts are exact for every ansible-core's own inventory, whatever is in them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge_events.arguments import arguments_of
from forge_events.launches import Launch
from forge_events.patterns import names_file, parts_of

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable

    from tests.matrix.environments import Environment

NAMES = [
    *(
        "web1",
        "web2",
        "db prod",
        "prod",
        "db",
        "a,b",
        "a",
        "b",
        "a:b",
        "::1",
        "2001:db8::1",
        "[::1]",
        "web[1]",
        "web[1:2]",
    ),
    *("web*", "*", "web?", "!web1", "!", "&web1", "&", "~web.*", "~", "@/etc/passwd", "@web1", "-l", "--limit"),
    *(
        " web1",
        "web1 ",
        "\tweb1",
        "we\nb1",
        "we\rb1",
        "web1\n",
        "\u00a0web1",
        "web1\u2028",
        "wéb",
        "名前",
        "\U0001f600",
        "e\u0301",
    ),
    *(
        "web1.",
        "web1$",
        "^web1",
        "a|b",
        "(a)",
        "a\\b",
        "\\",
        "'",
        '"',
        "{{ 1 }}",
        "$HOME",
        "~root",
        "#x",
        "%",
        "web1/x",
    ),
    *("localhost", "127.0.0.1", "a;b", "=", "None", "True", "0", "web1:22", "user@web1"),
]
GROUPS = ["prod", "db", "web", "a", "0", "x y", "web1."]
HOSTS_OF_GROUPS = ["web1", "web2", "of_a_group"]
PATTERNS = [
    "web*:!web1",
    "all:&web",
    "~web[12]$",
    "web[0]",
    "web[0:1],prod",
    "::1",
    "a b",
    "a,b",
    "db prod",
    "*",
    "x,,y ,",
]

LOOKS = """\
import json, sys
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

asked = json.load(open(sys.argv[1]))
manager = InventoryManager(DataLoader(), sources=["known,"])
data = manager._inventory
for group in asked["groups"]:
    data.add_group(group)
    for host in asked["hosts_of_groups"]:
        data.add_host(host, group)
for host in asked["hosts"]:
    data.add_host(host, "all")
data.reconcile_inventory()
found = []
for limit in asked["limits"]:
    manager.clear_caches()
    manager.subset(limit)
    found.append([host.name for host in manager.get_hosts("all:localhost" if "localhost" in limit else "all")])
json.dump(found, open(sys.argv[2], "w"))
"""


def hosts_of(
    environment: Environment, folder: pathlib.Path, limits: Iterable[str], hosts: list[str] = NAMES
) -> list[list[str]]:
    """Return for each limit the names of the hosts that Ansible takes."""
    asked = {"limits": list(limits), "hosts": hosts, "groups": GROUPS, "hosts_of_groups": HOSTS_OF_GROUPS}
    (folder / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    (folder / "looks.py").write_text(LOOKS, encoding="utf-8")
    done = environment.run("python", "looks.py", "asked.json", "found.json", cwd=folder)
    assert done.returncode == 0, done.stdout
    found: list[list[str]] = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return found


def limit_for(names: list[str], folder: pathlib.Path) -> str:
    """Return what ansible-playbook is told, with its file in place."""
    arguments = arguments_of(Launch.of(playbook="site.yml", limit_hosts=names), str(folder))
    for name, text in arguments.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    option, limit, playbook = arguments.words
    assert (option, playbook) == ("-l", "site.yml") and not limit.startswith("-")
    return limit


def test_each_name_is_this_host_alone(environment, tmp_path):
    half = NAMES[::2]
    limits = [limit_for(names, tmp_path) for names in (*([name] for name in NAMES), half)]
    *found, halves = hosts_of(environment, tmp_path, limits)
    assert dict(zip(NAMES, found, strict=True)) == {name: [name] for name in NAMES}
    assert sorted(halves) == sorted(half)


def test_a_host_that_is_gone_is_nobody_else(environment, tmp_path):
    gone = [name for name in NAMES if name not in (*GROUPS, *HOSTS_OF_GROUPS, "localhost", "127.0.0.1", "::1")]
    limits = [limit_for([name], tmp_path) for name in [*gone, "localhost", "prod"]]
    *found, implicit, group = hosts_of(environment, tmp_path, limits, hosts=["other"])
    assert dict(zip(gone, found, strict=True)) == {name: [] for name in gone}
    assert implicit == ["localhost"]
    assert group == HOSTS_OF_GROUPS  # unless a group has its name: Ansible has no word for hosts alone


def test_a_long_list_of_names_is_in_a_file_wherever_that_is(environment, tmp_path):
    names = [f"n{number:04}-{'x' * 90}.example.net" for number in range(1200)] + NAMES
    folders = [
        tmp_path / name for name in ("plain", "with a space", "a:b", "it's", '"', "@x", "$HOME", "é", "[a]", "!&~*?")
    ]
    limits = []
    for folder in folders:
        folder.mkdir()
        limits.append(limit_for(names, folder))
    assert limits == [f"@{folder}/limit," for folder in folders]
    for found in hosts_of(environment, tmp_path, limits, hosts=[*names, "other"]):
        assert sorted(found) == sorted(names)


def test_a_long_pattern_means_the_same_in_a_file(environment, tmp_path):
    padding = [f"none{number:04}-{'x' * 90}" for number in range(1200)]
    limits = []
    for pattern, glue in (("web*:!web1", ":"), ("prod,!web2", ","), ("a b", " ")):
        whole = glue.join([pattern, *padding])
        arguments = arguments_of(Launch.of(playbook="site.yml", limit=whole), str(tmp_path / pattern[0]))
        (tmp_path / pattern[0]).mkdir()
        (tmp_path / pattern[0] / "limit").write_text(arguments.files["limit"], encoding="utf-8")
        limits += [whole, arguments.words[1]]
    found = hosts_of(environment, tmp_path, limits)
    assert found[::2] == found[1::2] and all(found)


@settings(deadline=None, max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), min_size=50, unique=True
    )
)
def test_any_name_is_exact(environment, tmp_path, names):
    found = hosts_of(environment, tmp_path, [limit_for([name], tmp_path) for name in names], hosts=names)
    assert found == [[name] for name in names if name]


SPLITS = """\
import json, sys
from ansible.inventory.manager import split_host_pattern

json.dump([split_host_pattern(limit) for limit in json.load(open(sys.argv[1]))], open(sys.argv[2], "w"))
"""


@settings(deadline=None, max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limits=st.lists(st.text("ab@!&,: []~*\t\n\x1c\x85\u2028-19.") | st.sampled_from(PATTERNS), min_size=200))
def test_no_limit_that_is_let_through_has_a_part_that_names_a_file(environment, tmp_path, limits):
    (tmp_path / "limits.json").write_text(json.dumps(limits), encoding="utf-8")
    (tmp_path / "splits.py").write_text(SPLITS, encoding="utf-8")
    done = environment.run("python", "splits.py", "limits.json", "parts.json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    found = json.loads((tmp_path / "parts.json").read_text(encoding="utf-8"))
    for limit, parts in zip(limits, found, strict=True):
        if not names_file(limit):
            assert not any(part.startswith("@") for part in parts)
        # A single address with colons stays whole for Ansible.
        assert parts_of(limit) == parts or re.search("[:\\[]", limit)

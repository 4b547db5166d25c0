# SPDX-License-Identifier: Apache-2.0
"""Extra variables of strangers are the same values for every ansible-core, and no part of them is ever rendered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge_events.arguments import arguments_of
from forge_events.launches import Launch

if TYPE_CHECKING:
    import pathlib

    from tests.matrix.environments import Environment

# Rendered, it leaves a file; HERE becomes the folder of the test.
EVIL = "lookup('pipe', 'touch HERE/rendered')"
TEXTS = [
    *("", "0123", "0x1f", "0o17", "1e3", "1.5", "1_000", "12:30:45", "2020-01-01", "2001-12-14t21:59:43.10-05:00"),
    *("null", "~", "true", "yes", "on", "No", "<<", "=", ".inf", ".nan", "a: b", "- a", "? a", "---", "...", "--- a"),
    *(
        "'",
        '"',
        "\\",
        "\\n",
        "\\x41",
        "a\nb\r\nc\td",
        " a ",
        "\n",
        "!unsafe x",
        "!vault x",
        "&a",
        "*a",
        "|",
        ">",
        "%",
        "@",
    ),
    *("\0\x01\a\b\v\f\x1b\x7f", "\x80\x85\x9f\xa0\u2028\u2029\ufeff\ufffe\uffff", "\U0001f600 ä €", "\U0010ffff"),
    *(
        "x" * 5000,
        "{",
        "}",
        "{{",
        "}}",
        "{%",
        "{#",
        "#",
        "$ANSIBLE_VAULT;1.1;AES256\n3333",
        "#jinja2:trim_blocks: True",
    ),
]
VARIABLES: dict[str, Any] = {
    "expression": EVIL,
    "braces": f"{{{{ {EVIL} }}}}",
    "block": f"{{% set x = {EVIL} %}}",
    "header": f"#jinja2:variable_start_string:'[[', variable_end_string:']]'\n[[ {EVIL} ]]",
    "left": "{",
    "right": f"{{ {EVIL} }}}}",
    "deep": {
        f"{{{{ {EVIL} }}}}": [f"{{{{ {EVIL} }}}}", {"x" * 2000 + f"{{{{ {EVIL} }}}}": 1}],
        "__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256\n3333",
        "__ansible_unsafe": f"{{{{ {EVIL} }}}}",
        "__ansible_type": "EncryptedString",
        **{text: index for index, text in enumerate(TEXTS)},
    },
    "texts": TEXTS,
    "numbers": [
        0,
        -1,
        10**30,
        -(10**4000),
        1.5,
        -0.0,
        1e16,
        1e-7,
        1e300,
        5e-324,
        1.7976931348623157e308,
        123456789.125,
    ],
    "others": [None, True, False, [], {}, [[]], [{}]],
    "nested": [[[[[[[[{"a": {"b": {"c": [f"{{{{ {EVIL} }}}}"]}}}]]]]]]]],
    f"{{{{ {EVIL} }}}}": "a name that is a template",
    "n" * 3000: "a long name",
    "no name": 1,
}
DUMP = """\
import json

def plain(value):
    if isinstance(value, dict):
        return {plain(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return str.__str__(value) if isinstance(value, str) else value

def dump(value, path):
    with open(path, "w") as file:
        json.dump(plain(value), file)
    return "ok"

class FilterModule:
    def filters(self):
        return {"dump": dump}
"""
# What playbooks do with variables, and where Ansible has rendered results again.
USES = """\
- hosts: localhost
  gather_facts: false
  vars:
    given: GIVEN
    again: "{{ given }}"
    joined: "{{ left }}{{ right }}"
  tasks:
    - debug:
        msg: "{{ given | dump('got.json') }}"
    - set_fact:
        copied: "{{ given }}"
        halves: "{{ left }}{{ right }}"
        set_header: "{{ header }}"
    - debug:
        msg: "{{ copied | dump('copied.json') }} {{ halves }} {{ set_header }} {{ again }} {{ joined }}"
    - {debug: {msg: "{{ item }}"}, loop: "{{ deep.values() | list }}"}
    - {debug: {msg: "{{ item }}"}, with_items: ["{{ braces }}", "{{ halves }}"]}
    - {debug: {msg: "{{ lookup('template', 'uses.j2') }} {{ lookup('vars', 'braces') }} {{ query('vars', 'halves') }}"}}
    - {debug: {msg: "{{ hostvars['localhost'] | to_json }}"}, ignore_errors: true}
    - {debug: {var: vars}, ignore_errors: true}
    - {debug: {var: "{{ expression }}"}, ignore_errors: true}
    - {debug: {var: "{{ braces }}"}, ignore_errors: true}
    - {debug: {msg: a}, when: expression, ignore_errors: true}
    - {debug: {msg: a}, when: "{{ expression }}", ignore_errors: true}
    - {debug: {msg: a}, failed_when: "{{ expression }}", ignore_errors: true}
    - {debug: {msg: a}, changed_when: "{{ braces }}", ignore_errors: true}
    - {assert: {that: "{{ expression }}"}, ignore_errors: true}
    - {assert: {that: ["{{ expression }}"]}, ignore_errors: true}
    - {assert: {that: expression}, ignore_errors: true}
    - {set_fact: "{{ deep }}", ignore_errors: true}
    - {debug: "{{ {'msg': braces} }}", ignore_errors: true}
    - {include_vars: {file: "{{ braces }}"}, ignore_errors: true}
    - {add_host: {name: "{{ braces }}", groups: "{{ joined }}"}, ignore_errors: true}
"""


def run(environment: Environment, folder: pathlib.Path, launch: Launch, playbook: str) -> str:
    """Run a playbook with what a launch says, and return what was printed."""
    (folder / "filter_plugins").mkdir(exist_ok=True)
    (folder / "filter_plugins" / "dump.py").write_text(DUMP, encoding="utf-8")
    (folder / "uses.j2").write_text("{{ braces }} {{ left }}{{ right }} {{ given }} {{ header }}", encoding="utf-8")
    (folder / launch.playbook).write_text(playbook, encoding="utf-8")
    job = folder / "job's folder"
    job.mkdir(exist_ok=True)
    words, files = arguments_of(launch, str(job))
    for name, text in files.items():
        (job / name).write_text(text, encoding="utf-8")
    done = environment.run("ansible-playbook", *words, cwd=folder, env={"ANSIBLE_LOCALHOST_WARNING": "0"})
    assert done.returncode == 0, done.stdout
    return done.stdout


def read(folder: pathlib.Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def evil_in(folder: pathlib.Path, value: Any) -> Any:
    return json.loads(json.dumps(value).replace("HERE", str(folder)))


def exact(value: Any) -> str:
    """Return a text that tells 1 from 1.0 and True."""
    return json.dumps(value, sort_keys=True)


def test_nothing_is_rendered_and_values_stay(environment, tmp_path):
    variables = evil_in(tmp_path, VARIABLES)
    names = [name for name in variables if name.isidentifier()]
    together = '"{{ {' + ", ".join(f"'{name}': {name}" for name in names) + '} }}"'
    launch = Launch.of(playbook="site.yml", untrusted_vars=variables)
    run(environment, tmp_path, launch, USES.replace("GIVEN", together))
    expected = exact({name: variables[name] for name in names})
    assert exact(read(tmp_path, "got.json")) == expected
    assert exact(read(tmp_path, "copied.json")) == expected
    assert not (tmp_path / "rendered").exists()


def test_the_same_is_rendered_for_whoever_is_trusted(environment, tmp_path):
    playbook = (
        "[{hosts: localhost, gather_facts: false, tasks: [{debug: {msg: '{{ [a, deep] | dump(\"got.json\") }}'}}]}]"
    )
    variables = {"a": "{{ 1 + 1 }}", "deep": {"__ansible_vault": "x", "b": "{{ a }}"}}
    run(environment, tmp_path, Launch.of(playbook="site.yml", extra_vars=variables), playbook)
    found = read(tmp_path, "got.json")
    assert (str(found[0]), found[1]["__ansible_vault"], str(found[1]["b"])) == ("2", "x", "2")


def test_untrusted_variables_win(environment, tmp_path):
    playbook = (
        "[{hosts: localhost, gather_facts: false, tasks: [{debug: {msg: '{{ [a, b, c, d] | dump(\"got.json\") }}'}}]}]"
    )
    (tmp_path / "vars.yml").write_text('{"a": 1, "b": 1, "c": 1}')
    launch = Launch.of(
        playbook="site.yml",
        extra_vars_files=["vars.yml"],
        extra_vars={"b": 2, "c": 2, "d": "{{ c }}"},
        untrusted_vars={"c": "{{ 3 }}"},
    )
    run(environment, tmp_path, launch, playbook)
    assert read(tmp_path, "got.json") == [1, 2, "{{ 3 }}", "{{ 3 }}"]


PIECES = st.sampled_from(
    ["{{", "}}", "{%", "%}", "{#", "#}", "{", "}", "#", EVIL, "'", '"', "\\", "\n", ": ", "!unsafe "]
)
CHARACTERS = st.text(st.characters(exclude_categories=["Cs"]))
ANY_TEXT = st.lists(PIECES | CHARACTERS | st.sampled_from(TEXTS), max_size=4).map("".join)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT
VALUES = st.recursive(LEAVES, lambda parts: st.lists(parts) | st.dictionaries(ANY_TEXT, parts), max_leaves=10)
ANY_USE = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - {debug: {msg: "{{ v | dump('got.json') }}"}}
    - {set_fact: {copied: "{{ v }}", texts: "{{ v[0] ~ v[1] }}"}}
    - {debug: {msg: "{{ copied | dump('copied.json') }} {{ texts }}"}}
    - {debug: {msg: a}, when: "{{ item }}", ignore_errors: true, loop: "{{ v }}"}
"""


def any_values(environment: Environment, folder: pathlib.Path, values: list[Any]) -> None:
    values = evil_in(folder, values)
    run(environment, folder, Launch.of(playbook="any.yml", untrusted_vars={"v": values}), ANY_USE)
    assert exact(read(folder, "got.json")) == exact(read(folder, "copied.json")) == exact(values)
    assert not (folder / "rendered").exists()


@settings(deadline=None, max_examples=3, suppress_health_check=list(HealthCheck))
@given(values=st.lists(VALUES, min_size=30))
def test_any_values_are_values(environment, tmp_path, values):
    any_values(environment, tmp_path, values)

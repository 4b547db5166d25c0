# SPDX-License-Identifier: Apache-2.0
"""What a job has hidden once is hidden everywhere, and nothing else is."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_events._excerpts import TaskSource
from forge_events.censoring import HIDDEN, MARK, Censor


@pytest.fixture
def censor():
    return Censor()


def test_nothing_learned_leaves_everything_the_very_same(censor):
    data = {"res": {"msg": "hush"}}
    assert censor.data(data) is data
    assert censor.text("hush") == "hush"


def test_a_value_is_hidden_in_every_form_and_place(censor):
    censor.learn('hu"sh\nline two')
    text = json.dumps({"x": 'hu"sh\nline two'}) + " line two " + repr('hu"sh')
    assert "sh" not in censor.text(text) and "two" not in censor.text(text)
    assert censor.data({"res": {"a": ["x line two"], 'hu"sh': 1}, "host": "h"}) == {
        "res": {"a": [f"x {HIDDEN}"], HIDDEN: 1},
        "host": "h",
    }


def test_a_number_that_was_hidden_is_hidden(censor):
    censor.learn(123456)
    assert censor.data({"res": {"pin": 123456, "other": 12345, "is": True}})["res"] == {
        "pin": HIDDEN,
        "other": 12345,
        "is": True,
    }


@pytest.mark.parametrize(
    "value", ["", "abc", "true", "root", "localhost", "changed", True, None, 1, "non-zero return code"]
)
def test_a_secret_that_is_a_word_of_every_job_is_not_looked_for(censor, value):
    censor.learn(value)
    text = "abc true root localhost changed 1 non-zero return code"
    assert censor.text(text) == text


@pytest.mark.parametrize(
    ("value", "is_hidden"), [("hello", False), ("hellos", False), ("hello7", True), ("hellohello", True)]
)
def test_what_merely_was_in_a_censored_result_has_to_be_longer(censor, value, is_hidden):
    censor.learn({"stdout": value}, is_secret=False)
    assert (censor.text(f"<{value}>") == f"<{HIDDEN}>") is is_hidden


def test_a_short_secret_is_not_hidden_inside_of_a_word(censor):
    censor.learn("test")
    assert censor.text('testing atest "\\ntest" \x1b[0;32mtest\x1b[0m test') == (
        f'testing atest "\\n{HIDDEN}" \x1b[0;32m{HIDDEN}\x1b[0m {HIDDEN}'
    )


def test_the_name_of_a_host_stays(censor):
    censor.learn("host-one-1")
    censor.know_host("host-one-1")
    assert censor.text("ok: [host-one-1]") == "ok: [host-one-1]"


def test_words_of_a_censored_command_are_learned_and_its_paths_are_not(censor):
    censor.learn(
        {"cmd": "mysql --password=S3CRET-a -u me -h /var/lib/x S3CRET-b", "dest": "/etc/app.conf"}, is_secret=False
    )
    assert censor.text("S3CRET-a S3CRET-b /var/lib/x /etc/app.conf") == f"{HIDDEN} {HIDDEN} /var/lib/x /etc/app.conf"


def test_arguments_that_a_module_hides_are_learned(censor):
    told = {"url": "x", "url_password": MARK, "options": [{"token": MARK, "a": 1}]}
    given = {"url": "x", "url_password": "hush-one", "options": [{"token": "hush-two", "a": 1}]}
    censor.learn_arguments(told, given, is_secret=lambda name: name != "url")
    assert censor.text("hush-one hush-two x") == f"{HIDDEN} {HIDDEN} x"


def test_messages_are_hidden_while_a_host_is_at_a_censored_task(censor):
    assert censor.message("<h1> EXEC hush\n") == "<h1> EXEC hush\n"
    censor.begin("h1", is_censored=True)
    assert censor.message("<h1> EXEC hush\n") == f"<h1> {HIDDEN}\n"
    assert censor.message("\x1b[1;35m[WARNING]: hush\nhush\x1b[0m\n") == f"\x1b[1;35m[WARNING]: {HIDDEN}\x1b[0m\n"
    censor.begin("h2", is_censored=False)
    assert censor.message("hush\n") == f"{HIDDEN}\n"
    censor.end("h1")
    assert censor.message("hush\n") == "hush\n"


EXCERPT = """\
[ERROR]: Task failed.
Origin: /p.yml:11:7

 9   - one: hush
10     two: hush
11   - fails: it
       ^ column 7

fatal: [h1]: FAILED! => {}
"""


def test_lines_of_source_are_shown_only_of_tasks_that_hide_nothing(censor):
    excerpts = censor.excerpts
    hidden = EXCERPT.replace("  - one: hush", HIDDEN).replace("    two: hush", HIDDEN).replace("  - fails: it", HIDDEN)
    assert censor.text(EXCERPT) == hidden
    excerpts.know("/p.yml:11", TaskSource(5, "debug", is_censored=False))
    assert "fails: it" in censor.text(EXCERPT) and "hush" not in censor.text(EXCERPT)
    excerpts.know("/p.yml:9", TaskSource(5, "debug", is_censored=False))
    assert "one: hush" in censor.text(EXCERPT) and "two: hush" not in censor.text(EXCERPT)
    excerpts.know_play([("/p.yml:9", 5)])
    assert censor.text(EXCERPT) == EXCERPT
    excerpts.know("/p.yml:9", TaskSource(5, "community.x.y", is_censored=False))
    assert "hush" not in censor.text(EXCERPT)
    excerpts.tell("/p.yml:9")
    assert censor.text(EXCERPT) == EXCERPT
    excerpts.know("/p.yml:9", TaskSource(5, "debug", is_censored=True))
    assert "hush" not in censor.text(EXCERPT)


def test_what_has_the_name_of_a_secret_is_hidden_in_a_line_that_is_shown(censor):
    censor.excerpts.know("/p.yml:1", TaskSource(1, "debug", is_censored=False))
    shown = censor.text('Origin: /p.yml:1:1\n\n1 - x: {password: hush, token: \'{{ t }}\', "api_key": "hu sh"}\n')
    assert shown.endswith(f"""1 - x: {{password: {HIDDEN}, token: '{{{{ t }}}}', "api_key": {HIDDEN}}}\n""")


def test_the_echo_of_options_is_hidden(censor):
    shown = censor.text("verbosity: 4\nextra_vars: ('a=hush',)\ninventory: ('h x=hush,',)\nforks: 5\n")
    assert shown == f"verbosity: 4\nextra_vars: {HIDDEN}\ninventory: {HIDDEN}\nforks: 5\n"
    shown = censor.text("Starting Ansible Pull at 2026-01-01 00:00:00: ansible-pull -e hush\n")
    assert shown == f"Starting Ansible Pull at 2026-01-01 00:00:00: {HIDDEN}\n"


def test_errors_above_a_censored_result_are_hidden(censor):
    text = "\x1b[0;31m[ERROR]: hush\nOrigin: x\nhush\x1b[0m\n\x1b[0;31mfatal: [h1]: FAILED! => {}\x1b[0m\n...ignoring\n"
    assert Censor.hide_errors(text) == (
        f"\x1b[0;31m[ERROR]: {HIDDEN}\x1b[0m\n\x1b[0;31mfatal: [h1]: FAILED! => {{}}\x1b[0m\n...ignoring\n"
    )


def test_many_hidden_values_and_a_large_text_do_not_multiply(censor):
    for number in range(5):
        censor.learn([f"value-{number}-{at}" for at in range(2000)], is_secret=False)
    text = "value-of something else " * 10_000 + "value-4-1999"
    began = time.process_time()
    shown = censor.text(text)
    assert time.process_time() - began < 5
    assert shown == text.replace("value-4-1999", HIDDEN)


@given(st.lists(st.text("ab\n\"'\\é", min_size=8, max_size=12), min_size=1, max_size=50), st.integers(0, 49))
def test_no_value_is_left_in_a_text(values, which):
    censor = Censor()
    censor.learn(values)
    value = values[which % len(values)]
    if value.strip():
        assert value not in censor.text(f"<{value}>{json.dumps(value)}")

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forge_events.errors import InvalidLaunch
from forge_events.notices.rendering import MAX_SIZE, check, render
from forge_events.templates import Notifications

FACTS = {"job": {"id": 7, "name": "deploy"}, "hosts": [{"host_name": "a", "failed": True}]}
NOT_THERE = "it uses a name, a field or an element that there is not"
UNFINISHED = (
    "Unexpected end of template. Jinja was looking for the following tags: 'endfor' or 'else'. "
    "The innermost block that needs to be closed is 'for'"
)
FORBIDDEN = "it does what a template may not do"
TOO_MUCH = "it makes too much"
TOO_LONG = "it takes too long or too much memory"


def test_a_template_is_filled_in_with_facts():
    template = (
        "{{ job.id }}: {% for host in hosts if host.failed %}{{ host.host_name }}{% endfor %} {{ '-' * 3 }}{{ 2**3 }}"
    )
    assert render(template, FACTS).text == "7: a ---8"


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.environ }}",
        "{{ lipsum.__globals__['os'].popen('id').read() }}",
        "{{ job.items.__self__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ '{0.__class__}'.format(job) }}",
        "{{ ''|attr('__class__') }}",
        "{{ job.update({'id': 8}) }}",
        "{{ hosts.append(1) }}",
    ],
)
def test_nothing_gets_out_of_the_sandbox(template):
    assert render(template, FACTS) == ("", FORBIDDEN)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ 'a' * 10**9 }}", TOO_MUCH),
        ("{{ 2 ** (10 ** 9) }}", TOO_MUCH),
        ("{{ [0] * 10**9 }}", TOO_MUCH),
        ("{{ 'a' * 60000 * 60000 }}", TOO_MUCH),
        ("{{ range(10**9)|list }}", TOO_MUCH),
        ("{{ '%1000000000d' % 1 }}", TOO_MUCH),
        ("{{ 'a'.ljust(10**9) }}", TOO_MUCH),
        ("{{ 'a'|center(10**9) }}", TOO_MUCH),
        ("{% set n = namespace(x='aa') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}", TOO_MUCH),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", TOO_MUCH),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", TOO_LONG),
        ("{% for a in range(99999) %}{{ job.name }}{% endfor %}", TOO_MUCH),
        ("{{" + "(" * 30_000 + "1" + ")" * 30_000 + "}}", TOO_MUCH),
    ],
)
def test_what_takes_or_makes_too_much_is_stopped(template, reason):
    assert render(template, FACTS) == ("", reason)


def test_what_is_not_done_in_time_is_stopped():
    assert render("{{ job.id }}", FACTS, limit=0.001) == ("", "it takes too long")


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ jbo.id }}", f"line 1: {NOT_THERE}"),
        ("{{ job.idd }}", f"line 1: {NOT_THERE}"),
        ("{{ job.id }}\n\n{{ hosts[9].host_name }}", f"line 3: {NOT_THERE}"),
        ("one\n{% if %}", "line 2: Expected an expression, got 'end of statement block'"),
        ("{{ job }", "line 1: unexpected '}'"),
        ("{% for host in hosts %}", f"line 1: {UNFINISHED}"),
        ("{{ job | nosuch }}", "line 1: No filter named '...'"),
        ("{{ 1 / 0 }}", "line 1: ZeroDivisionError"),
        ("{{ 1 * none }}", "line 1: TypeError"),
        ("", "it makes nothing"),
        (" \n", "it makes nothing"),
    ],
)
def test_a_broken_template_says_what_is_wrong_with_it(template, reason):
    assert render(template, FACTS) == ("", reason)


@pytest.mark.parametrize(
    "template",
    [
        "{{ geheim }}",
        "{% geheim %}",
        "{{ job geheim }}",
        "{{ job | geheim }}",
        "{{ job is geheim }}",
        "{{ job['geheim'] }}",
        '{{ job["it\'s geheim"] }}',
        "{{ job.name.encode('geheim') }}",
        "{{ 'geheim' | round }}",
        "{{ 'geheim' + 1 }}",
        "{{ ('%d' | format('geheim')) }}",
        "{% include 'geheim' %}",
        "{{ job[hosts[0].host_name] }}",
    ],
)
def test_what_is_wrong_is_said_without_what_may_be_secret(template):
    facts = {**FACTS, "hosts": [{"host_name": "geheim"}]}
    text, reason = render(template, facts)
    assert not text and reason.startswith("line 1: ")
    assert "geheim" not in reason


def of(event, *templates):
    return Notifications(**{event: [{"url": "json://h", "message": template} for template in templates]})


@pytest.mark.parametrize("event", ["started", "success", "failure"])
@pytest.mark.parametrize(
    "template",
    [
        None,
        "{{ event }} {{ job.name }} {{ job.status }} {{ job.started }} {{ template.name }}",
        "{% for host in hosts if host.failed %}{{ host.host_name }}{% endfor %}",
        "{% if job.explanation == 'something else' %}seldom{% endif %}",
        "{{ hosts | selectattr('failed') | map(attribute='host_name') | join(', ') }}",
    ],
)
def test_a_message_that_can_be_made_is_not_refused(event, template):
    check(of(event, template))


@pytest.mark.parametrize("template", ["{{ hosts[7].host_name }}", "{{ job.elapsed + 1 }} {{ job.finished[:10] }}"])
def test_what_only_a_job_that_ended_has_is_refused_where_it_begins(template):
    check(of("success", template))
    with pytest.raises(InvalidLaunch):
        check(of("started", template))


@pytest.mark.parametrize(
    "template", ["{{", "{{ job.extra_vars }}", "{{ 'a' * 10**9 }}", "{{ ''.__class__ }}", "{{ x }}"]
)
def test_a_message_that_cannot_be_made_is_refused(template):
    with pytest.raises(InvalidLaunch) as caught:
        check(of("failure", "{{ job.name }}", template))
    text = str(caught.value)
    assert text.startswith("the message for failure cannot be used: ") and "\n" not in text


def test_the_longest_message_is_made():
    assert len(render("{{ 'a' * 60000 }}{{ 'a' * 5536 }}", FACTS).text) == MAX_SIZE
    assert render("{{ 'a' * 60000 }}{{ 'a' * 5537 }}", FACTS).reason == TOO_MUCH


def test_the_environment_is_not_within_reach(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGE_EVENTS_DATABASE_URL", "postgresql://u:secret@h/d")
    seen = tmp_path / "seen"
    (tmp_path / "jinja2.py").write_text(f"import os\nopen({str(seen)!r}, 'w').write(repr(os.environ))\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert render("x", FACTS).reason == TOO_LONG
    assert "PYTHONPATH" in seen.read_text()
    assert "secret" not in seen.read_text()


_PIECES = st.sampled_from(
    [
        "{{",
        "}}",
        "{%",
        "%}",
        "for",
        "if",
        "job",
        "hosts",
        ".",
        "|",
        "()",
        "[0]",
        "*",
        "**",
        "9",
        "in",
        "range(9)",
        "endfor",
    ]
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(_PIECES, st.text(max_size=5)), max_size=12).map(" ".join))
@example("\ud800")
@example("{{ '\ud800' }}")
@example("\0")
def test_no_text_is_a_traceback(template):
    text, reason = render(template, FACTS)
    assert bool(text) != bool(reason)

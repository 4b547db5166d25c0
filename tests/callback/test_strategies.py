# SPDX-License-Identifier: Apache-2.0
"""The tree of plays and tasks is the same under every strategy."""

from __future__ import annotations

import pytest

from .conftest import Ansible, shape

WAYS = {
    "free": ["-e", "strategy=free"],
    "host_pinned": ["-e", "strategy=host_pinned"],
    "serial 1": ["-e", "batch=1"],
    "serial 2": ["-e", "batch=2"],
    "free in batches": ["-e", "strategy=free", "-e", "batch=2"],
    "two forks": ["-e", "strategy=free", "-f", "2"],
}


@pytest.fixture(scope="session")
def linear_shape(request, tmp_path_factory) -> list[tuple[str, ...]]:
    ansible = Ansible(request.config, tmp_path_factory.mktemp("linear"))
    return containers(shape(ansible.play("strategies.yml").events))


def containers(lines: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    # A task that is run once, and hosts that fail, are the strategy's own business: not so which tasks there are.
    return [line for line in lines if line[-2] != "one of all" and line[-3].startswith("playbook_on_")]


LONG = ("host_pinned", "serial 2", "free in batches", "two forks")


@pytest.mark.parametrize("way", [pytest.param(way, marks=[pytest.mark.full] * (way in LONG)) for way in WAYS])
def test_the_tree_of_plays_and_tasks_is_that_of_linear(way, ansible, lawful, linear_shape):
    run = ansible.play("strategies.yml", *WAYS[way])
    lawful(run)
    assert containers(shape(run.events)) == linear_shape


def test_every_result_is_below_the_task_it_names(ansible, lawful):
    run = ansible.play("strategies.yml", "-e", "strategy=free")
    lawful(run)
    names = {event.uuid: event.event_data["name"] for event in run.named("playbook_on_task_start")}
    for event in run.events:
        if event.event.startswith("runner_"):
            assert names[event.parent_uuid] == event.event_data["task"]
    assert {e.event_data["res"]["msg"] for e in run.under("included", "runner_on_ok")} >= {"same", "other"}


def test_a_second_flush_of_a_handler_is_a_second_run_below_one_event(ansible, lawful):
    run = ansible.play("handlers.yml")
    lawful(run)
    results = run.under("handler", "runner_on_ok")
    assert len([e for e in run.named("playbook_on_task_start") if e.event_data["is_conditional"]]) == 1
    assert sorted((e.event_data["host"], e.event_data["run"]) for e in results) == [
        (host, number) for host in ("h1", "h2", "h3") for number in (1, 2)
    ]


def test_batches_are_numbered_on_results(ansible, lawful):
    run = ansible.play("handlers.yml", "-e", "batch=1")
    lawful(run)
    assert len(run.named("playbook_on_play_start")) == 1
    batches = {(e.event_data["host"], e.event_data["batch"]) for e in run.under("changes", "runner_on_ok")}
    assert batches == {("h1", 1), ("h2", 2), ("h3", 3)}

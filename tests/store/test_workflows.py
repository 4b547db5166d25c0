# SPDX-License-Identifier: Apache-2.0
"""Launched workflows: each node once, whoever goes on with them, and always to an end."""

from __future__ import annotations

import datetime

import pytest

from forge_events import workflow_jobs
from forge_events.dispatcher.workflow_runner import WorkflowRunner
from forge_events.errors import FieldNotAsked, InvalidLaunch, NameTaken, NotWaiting, UnknownWorkflow
from forge_events.events import JobEvent
from forge_events.jobs import JobStatus
from forge_events.launches import Launch
from forge_events.store import open_store
from forge_events.templates import JobTemplate
from forge_events.workflows.flow import Flow
from tests.store.making import NOW, later

DONE, FAILED, CANCELED, ERROR = JobStatus.SUCCESSFUL, JobStatus.FAILED, JobStatus.CANCELED, JobStatus.ERROR


@pytest.fixture
def templates(store, tmp_path):
    """Keep job templates to make workflows of."""
    for name in ("build", "deploy", "report"):
        launch = Launch.of(playbook=str(tmp_path / "x.yml"), inventory=["a,"], untrusted_vars={"own": 1, "who": "t"})
        store.templates.add(
            JobTemplate.of(name=name, launch=launch, ask=["extra_vars", "limit"], created=NOW, modified=NOW)
        )
    return store


def launched(store, nodes, *, ask=(), **fields):
    workflow = store.workflows.add(Flow.of(name="w", ask=list(ask), nodes=nodes), NOW)
    return workflow_jobs.launch(store, workflow, by="me", **fields)


def go_on(store, at=NOW):
    return WorkflowRunner(store).run_once(at).runs


def end(store, run, name, status=DONE, artifacts=None, at=NOW):
    """Let the job of a node end."""
    job = store.job(str(store.workflows.run(run.id).nodes[name].job_id))
    if status is CANCELED:
        return store.transition(job, status, at=at, by="test")
    job = store.transition(job, JobStatus.WAITING, at=at, by="test")
    job = store.transition(job, JobStatus.RUNNING, at=at, by="test")
    stats = JobEvent(job_id=job.id, counter=1, uuid="s", parent_uuid=None, event="playbook_on_stats", created=at,
                     event_data={"artifact_data": artifacts or {}})  # fmt: skip
    store.append(job, [stats], source=f"s{job.id}", expected=0, position=1)
    return store.transition(job, status, at=at, by="test")


def states(store, run):
    return {name: str(node.state) for name, node in store.workflows.run(run.id).nodes.items()}


def test_nodes_follow_one_another_to_the_end(templates):
    nodes = {
        "build": {"template": "build"},
        "deploy": {"template": "deploy", "after": {"build": "success"}},
        "mend": {"template": "report", "after": {"build": "failure"}},
        "report": {"template": "report", "after": {"deploy": "always", "mend": "always"}},
    }
    run = launched(templates, nodes)
    go_on(templates)
    assert states(templates, run) == {"build": "active"}
    assert go_on(templates) == []
    end(templates, run, "build")
    go_on(templates)
    assert states(templates, run) == {"build": "successful", "deploy": "active", "mend": "not_run"}
    assert templates.workflows.run(run.id).nodes["mend"].reason == "build is successful, and failure was needed"
    end(templates, run, "deploy", FAILED)
    go_on(templates)
    end(templates, run, "report", at=later(1))
    (done,) = go_on(templates, later(2))
    # What failed had a node behind it that ran.
    assert (done.status, done.finished) == (DONE, later(2))
    jobs = templates.jobs()
    assert [(job.name, job.launch_type, job.run_by) for job in jobs] == [
        (name, "workflow", "workflow w") for name in ("report", "deploy", "build")
    ]
    assert go_on(templates) == [] == templates.workflows.running()


def test_what_jobs_set_is_passed_on_and_the_nearer_wins(templates):
    nodes = {
        "a": {"template": "build"},
        "b": {"template": "build", "after": {"a": "success"}},
        "c": {
            "template": "deploy",
            "after": {"b": "success"},
            "launch": {"extra_vars": {"node": 2}, "limit": "{workflow}"},
        },
    }
    run = launched(templates, nodes, ask=["limit"], limit="web")
    go_on(templates)
    end(templates, run, "a", artifacts={"from_a": 1, "both": "a", "who": "a", "node": "a"})
    go_on(templates)
    end(templates, run, "b", artifacts={"both": "{{ b }}"})
    go_on(templates)
    launch = templates.queue.launch_of(templates.workflows.run(run.id).nodes["c"].job_id)
    assert launch.untrusted_vars == {"own": 1, "who": "a", "from_a": 1, "both": "{{ b }}", "node": 2}
    assert (launch.limit, launch.extra_vars) == ("web", {})


def test_what_failed_is_tried_again_after_its_pause(templates):
    run = launched(templates, {"a": {"template": "build", "retries": 1, "delay": 60}})
    go_on(templates)
    end(templates, run, "a", ERROR)
    go_on(templates)
    assert templates.workflows.next_due() == NOW + datetime.timedelta(seconds=60)
    assert states(templates, run) == {"a": "active"}
    assert go_on(templates, NOW + datetime.timedelta(seconds=59)) == []
    go_on(templates, NOW + datetime.timedelta(seconds=60))
    node = templates.workflows.run(run.id).nodes["a"]
    assert (node.attempt, len(templates.jobs())) == (1, 2)
    end(templates, run, "a", FAILED)
    (done,) = go_on(templates)
    assert (done.status, done.nodes["a"].state) == (FAILED, FAILED)


def test_a_question_is_answered_once_or_answers_itself(templates):
    asks = {"approval": "Really?", "timeout": 60}
    nodes = {
        "ask": asks,
        "late": {**asks, "on_timeout": "approve"},
        "deploy": {"template": "deploy", "after": {"ask": "success"}},
    }
    run = launched(templates, nodes)
    with pytest.raises(NotWaiting):
        templates.workflows.answer(run, "ask", DONE, NOW, "me")
    go_on(templates)
    templates.workflows.answer(run, "ask", DONE, NOW, "me")
    with pytest.raises(NotWaiting):
        templates.workflows.answer(run, "ask", FAILED, NOW, "you")
    with pytest.raises(NotWaiting):
        templates.workflows.answer(run, "late", FAILED, NOW + datetime.timedelta(seconds=60), "too late")
    go_on(templates, NOW + datetime.timedelta(seconds=60))
    nodes = templates.workflows.run(run.id).nodes
    assert (nodes["ask"].state, nodes["ask"].reason) == (DONE, "approved by me")
    assert (nodes["late"].state, nodes["late"].reason) == (DONE, "approved: nobody answered in time")
    assert nodes["deploy"].state == "active"


def test_a_canceled_parent_leads_to_an_end_also_where_all_are_waited_for(templates):
    nodes = {"a": {"template": "build"}, "b": {"template": "deploy", "after": {"a": "success"}, "join": "all"}}
    run = launched(templates, nodes)
    go_on(templates)
    end(templates, run, "a", CANCELED)
    (done,) = go_on(templates)
    assert (done.status, done.nodes["b"].state) == (FAILED, "not_run")
    assert done.nodes["b"].reason == "a is canceled, and success was needed"


def test_a_canceled_workflow_starts_nothing_more(templates):
    run = launched(
        templates,
        {"a": {"template": "build"}, "ask": {"approval": "?"}, "b": {"template": "deploy", "after": {"a": "success"}}},
    )
    go_on(templates)
    workflow_jobs.cancel(templates, run, by="me")
    (done,) = go_on(templates)
    assert (done.status, states(templates, run)) == (CANCELED, {"a": "canceled", "ask": "canceled", "b": "not_run"})
    assert len(templates.jobs()) == 1


def test_what_cannot_be_launched_any_more_is_an_error_with_its_reason(templates):
    nodes = {"a": {"template": "build"}, "b": {"template": "report", "after": {"a": "failure"}}}
    run = launched(templates, nodes)
    templates.templates.delete("build")
    go_on(templates)
    node = templates.workflows.run(run.id).nodes["a"]
    assert (node.state, node.reason) == (ERROR, "there is no job template 'build'")
    assert states(templates, run)["b"] == "active"


def test_only_what_did_not_go_well_is_launched_again(templates):
    nodes = {
        "a": {"template": "build"},
        "b": {"template": "deploy", "after": {"a": "success"}},
        "c": {"template": "report", "after": {"b": "always"}},
    }
    run = launched(templates, nodes)
    for name, status in (("a", DONE), ("b", FAILED), ("c", FAILED)):
        go_on(templates)
        end(templates, run, name, status, artifacts={"from": name})
    go_on(templates)
    again = workflow_jobs.relaunch_from_failed(templates, templates.workflows.run(run.id))
    go_on(templates)
    new, old = templates.workflows.run(again.id).nodes, templates.workflows.run(run.id).nodes
    assert (new["a"].job_id, new["a"].artifacts) == (old["a"].job_id, {"from": "a"})
    assert new["b"].state == "active" and new["b"].job_id != old["b"].job_id
    with pytest.raises(InvalidLaunch, match="it is running"):
        workflow_jobs.relaunch_from_failed(templates, templates.workflows.run(again.id))


def test_two_who_go_on_at_once_launch_each_node_once(templates, url):
    run = launched(templates, {name: {"template": "build"} for name in "abc"})
    seen = templates.workflows.run(run.id)
    with open_store(url) as other:
        assert WorkflowRunner(other).run_once(NOW).runs
    # Whoever decided by what was before does nothing.
    assert not templates.workflows.advance(seen, {}, {}, DONE, NOW)
    assert go_on(templates) == []
    assert len(templates.jobs()) == 3


def test_a_workflow_is_kept_by_its_name(templates):
    flow = Flow.of(name="w", nodes={"a": {"template": "build"}})
    kept = templates.workflows.add(flow, NOW)
    with pytest.raises(NameTaken):
        templates.workflows.add(flow, NOW)
    assert templates.workflows.get("w") == templates.workflows.get(str(kept.id)) == kept
    other = templates.workflows.replace(kept, Flow.of(name="v", nodes={"a": {"approval": "?"}}), later(1))
    assert ([each.name for each in templates.workflows.all()], other.created) == (["v"], NOW)
    with pytest.raises(FieldNotAsked):
        workflow_jobs.launch(templates, other, limit="x")
    templates.workflows.delete(other)
    for missing in (lambda: templates.workflows.get("v"), lambda: templates.workflows.run(99)):
        with pytest.raises(UnknownWorkflow):
            missing()

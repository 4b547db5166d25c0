# SPDX-License-Identifier: Apache-2.0
"""Numbers of the whole: for Prometheus, in AWX's names and our own, and for a dashboard."""

from __future__ import annotations

import datetime
import itertools
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from forge_events.api.refusals import Refusal, detail
from forge_events.api.root import LEVEL, version
from forge_events.doctor.recording import unread_in
from forge_events.jobs import JobStatus
from forge_events.queries import Condition, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import Metric

    from forge_events.api.calls import Call
    from forge_events.api.routes import Routes
    from forge_events.nodes import Node

__all__ = ["add_numbers"]

_PERIODS = {"month": 31, "two_weeks": 14, "week": 7, "day": 1}
_ENDS = ("successful", "failed", "canceled", "error")
_BAD = (JobStatus.FAILED, JobStatus.ERROR, JobStatus.CANCELED)


def add_numbers(routes: Routes) -> None:
    """Add the paths of numbers."""
    routes.add("/api/v2/metrics/", GET=_metrics)
    routes.add("/api/v2/dashboard/", GET=_dashboard)
    routes.add("/api/v2/dashboard/graphs/jobs/", GET=_graph)


def _metrics(call: Call) -> Any:
    from prometheus_client import CollectorRegistry, exposition

    found = list(itertools.chain(_of_jobs(call), _of_nodes(call), _of_spools(call)))
    if "application/json" in call.request.headers.get("accept", ""):
        return {metric.name: _as_json(metric) for metric in found}
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(found))
    return Response(exposition.generate_latest(registry), media_type=exposition.CONTENT_TYPE_LATEST)


class _Collected:
    """Gives a registry what was measured."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """Yield what was measured."""
        yield from self._metrics


def _as_json(metric: Metric) -> dict[str, Any]:
    samples = [{"labels": sample.labels, "value": sample.value} for sample in metric.samples]
    return {"help_text": metric.documentation, "type": metric.type, "samples": samples}


def _of_jobs(call: Call) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

    now, counts = call.store.now(), call.store.queue.status_counts()
    about = {"version": LEVEL, "forge_events_version": version(), "install_uuid": call.store.catalogue.identity()}
    yield InfoMetricFamily("awx_system", "What answers here.", value=about)
    by_status = GaugeMetricFamily("awx_status_total", "Jobs that are stored, by status.", labels=["status"])
    for status in JobStatus:
        by_status.add_metric([status.value], counts[status].jobs)
    yield by_status
    for name, status in (("awx_running_jobs_total", JobStatus.RUNNING), ("awx_pending_jobs_total", JobStatus.PENDING)):
        yield GaugeMetricFamily(name, f"Jobs that are {status.value}.", value=counts[status].jobs)
    oldest = call.store.queue.oldest_pending()
    age = (now - oldest.created).total_seconds() if oldest else 0.0
    text = "For how long the oldest pending job that nothing blocks has been waiting."
    yield GaugeMetricFamily("forge_events_oldest_pending_seconds", text, value=max(0.0, age))
    events = sum(each.events for each in counts.values())
    yield GaugeMetricFamily("callback_receiver_events_insert_db", "Events that are stored.", value=events)
    # What was ever stored: how fast it grows is how fast events come in.
    yield CounterMetricFamily("forge_events_events_stored", "Events of jobs that are stored.", value=events)


def _of_nodes(call: Call) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    told: dict[str, tuple[str, Callable[[Node], float]]] = {
        "capacity": ("Forks that a node has.", lambda node: node.capacity),
        "consumed_capacity": ("Forks that its jobs take.", lambda node: node.consumed),
        "remaining_capacity": ("Forks that are left.", lambda node: node.remaining),
        "cpu": ("Its processors.", lambda node: node.cpu or 0),
        "memory": ("Its memory in bytes.", lambda node: node.memory or 0),
    }
    nodes = call.store.nodes.all()
    for name, (text, value) in told.items():
        metric = GaugeMetricFamily(f"awx_instance_{name}", text, labels=["hostname", "node_type"])
        for node in nodes:
            metric.add_metric([node.hostname, node.node_type.value], value(node))
        yield metric


def _of_spools(call: Call) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    unread = unread_in(call.house.spool, call.store) if call.house.spool is not None else None
    text = "Bytes that are spooled on this machine and not received."
    yield GaugeMetricFamily("forge_events_receiver_lag_bytes", text, value=unread.size if unread else 0)
    text = "For how long the oldest of that has been waiting."
    yield GaugeMetricFamily("forge_events_receiver_lag_seconds", text, value=unread.age if unread else 0.0)


def _dashboard(call: Call) -> dict[str, Any]:
    def count(model: str, *conditions: Condition) -> int:
        return call.store.find(model, Query(every=conditions, limit=0)).total or 0

    failed = Condition("status", "in", _BAD)
    lists = {"inventories": "inventory", "hosts": "host", "projects": "project", "users": "user"}
    lists |= {"job_templates": "job_template", "organizations": "organization"}
    found: dict[str, Any] = {name: {"url": f"/api/v2/{name}/", "total": count(model)} for name, model in lists.items()}
    found["jobs"] = {
        "url": "/api/v2/jobs/",
        "failure_url": "/api/v2/jobs/?failed=True",
        "total": count("job"),
        "failed": count("job", failed),
    }
    return found | {"related": {"jobs_graph": "/api/v2/dashboard/graphs/jobs/"}}


def _graph(call: Call) -> dict[str, Any]:
    given = dict(call.parameters)
    period = given.get("period", "month")
    if period not in _PERIODS:
        raise Refusal(400, {"error": f'Unknown period "{period[:100]}"'})
    if given.get("job_type", "all") not in ("all", "playbook_run"):
        raise detail(400, "forge_events runs playbooks alone.")
    since = call.store.now() - datetime.timedelta(days=_PERIODS[period])
    ends = call.store.queue.ends_by_day(since)
    days = [(since + datetime.timedelta(days=n)).date() for n in range(_PERIODS[period] + 1)]
    return {
        "jobs": {status: [[_epoch(day), ends.get((day.isoformat(), status), 0)] for day in days] for status in _ENDS}
    }


def _epoch(day: datetime.date) -> float:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC).timestamp()

# SPDX-License-Identifier: Apache-2.0
"""Where webhooks are sent to, and their keys: AWX's paths below a job template."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from forge_events.api.lists import row_of
from forge_events.api.refusals import detail
from forge_events.api.routes import Answer
from forge_events.api.secrets import new_secret
from forge_events.api.table import RESOURCES
from forge_events.deliveries import Sent, deliver
from forge_events.webhooks.payloads import MAX_SIZE
from forge_events.webhooks.senders import SERVICES

if TYPE_CHECKING:
    from forge_events.api.calls import Call
    from forge_events.api.routes import Routes
    from forge_events.webhooks.webhook import Webhook

__all__ = ["add_webhooks"]

_TEMPLATE = RESOURCES["job_template"]


def add_webhooks(routes: Routes) -> None:
    """Add the paths."""
    for service in SERVICES:
        routes.add(f"/api/v2/job_templates/{{key}}/{service}/", is_open=True, POST=partial(_deliver, service))
    routes.add("/api/v2/job_templates/{key}/webhook_key/", GET=_key, POST=_rotate)


def _deliver(service: str, call: Call) -> Answer:
    """Take in what was sent; what it says of itself proves it, and nobody has to be logged in."""
    if len(call.raw) > MAX_SIZE:
        raise detail(413, f"A webhook has at most {MAX_SIZE} bytes.")
    headers = {name.lower(): value for name, value in call.request.headers.items()}
    sent = Sent(call.key(), service, headers, call.raw)
    answer = deliver(call.store, call.house.sealer, sent, counts_hosts=call.house.counts_hosts)
    return Answer(answer.status, {"message": answer.message})


def _key(call: Call) -> dict[str, Any]:
    """Return the key, which those may see who may change it."""
    call.admin()
    webhook = _webhook(call)
    if webhook is None:
        return {"webhook_key": ""}
    return {"webhook_key": call.house.sealer.open(call.store.webhooks.keys(webhook, call.store.now()).new)}


def _rotate(call: Call) -> Answer:
    """Make another key; the one before is good for a day."""
    call.admin()
    webhook = _webhook(call)
    if webhook is None:
        raise detail(400, "Select a webhook service for this job template first.")
    key = new_secret()
    call.store.webhooks.rotate(webhook, call.house.sealer.seal(key), call.store.now())
    return Answer(201, {"webhook_key": key})


def _webhook(call: Call) -> Webhook | None:
    """Return the first webhook of a template: AWX's have one."""
    found = call.store.webhooks.all(row_of(call, _TEMPLATE, call.key())["id"])
    return found[0] if found else None

# SPDX-License-Identifier: Apache-2.0
"""Celery with Redis: messages that wake, and carry no truth. The only place that knows either of them.

A message holds the id of a job, and no more. Whoever gets one looks into the store, as they do now and then without
any: one that is lost, late, doubled or unknown changes nothing.
"""

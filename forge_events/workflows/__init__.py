# SPDX-License-Identifier: Apache-2.0
"""Workflows: job templates that follow one another, and what of them runs when some fail.

::

    release.yml ─▶ reading ─▶ Flow ─▶ decision.decide(flow, states) ─▶ which nodes run, which do not and why
                              (flow)  rehearsal, drawing

All of it is pure: no clock, no database. A node is decided once, when all that it comes after is decided and has ended.
"""

from forge_events.workflows.flow import Flow, Node

__all__ = ["Flow", "Node"]

# SPDX-License-Identifier: Apache-2.0
"""Webhooks: others say that something has happened, prove who they are, and a job template is launched."""

# SPDX-License-Identifier: Apache-2.0
"""Bring what was recorded into the store."""

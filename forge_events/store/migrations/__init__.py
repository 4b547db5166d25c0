# SPDX-License-Identifier: Apache-2.0
"""The steps from one revision of the schema to the next; Alembic runs them."""

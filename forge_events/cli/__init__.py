# SPDX-License-Identifier: Apache-2.0
"""The command line: one file for each group of verbs, none with logic that a user of the library would miss."""

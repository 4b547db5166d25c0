# SPDX-License-Identifier: Apache-2.0
"""Tell of a job elsewhere: in what CI systems read, on a page of its own, in words."""

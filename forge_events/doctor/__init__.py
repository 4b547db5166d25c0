# SPDX-License-Identifier: Apache-2.0
"""Find out what is wrong, how that is known, and what mends it: a check for each symptom, none in need of another."""

# SPDX-License-Identifier: Apache-2.0
"""What the store does in how much time, beside a baseline of the same run."""

# SPDX-License-Identifier: Apache-2.0
"""What every process that works until it is told to stop needs: a wish to stop, one loop, and threads beside it."""

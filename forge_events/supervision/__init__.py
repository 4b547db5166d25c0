# SPDX-License-Identifier: Apache-2.0
"""The programs of a server as those want them who keep programs running: supervisord, systemd, and compose."""

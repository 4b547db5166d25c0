# SPDX-License-Identifier: Apache-2.0
"""Run any Ansible command with recording on, from outside and without changing its configuration.

:mod:`.environment`    what the command's environment gets, and where it would look for callback plugins
:mod:`.child`          the command itself: terminal, signals, exit code
:mod:`.ending`         how it ended, and a job for one that ended before Ansible loaded any callback
:mod:`.recorder`       all of it, one after the other
"""

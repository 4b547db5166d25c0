# SPDX-License-Identifier: Apache-2.0
"""Run any Ansible command with recording on, from outside and without changing its configuration.

:mod:`.callback_path`  where the command would look for callback plugins, and where ours is
:mod:`.environment`    what the command's environment gets
:mod:`.child`          the command itself: terminal, signals, exit code
:mod:`.early`          a job for a command that ended before Ansible loaded any callback
:mod:`.recorder`       all of it, one after the other
"""

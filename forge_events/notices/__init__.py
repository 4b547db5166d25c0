# SPDX-License-Identifier: Apache-2.0
"""What people are told of jobs: how a message is made, and how it is brought to an address.

:mod:`.messages`   the usual message, and the facts that a template makes another one of; pure
:mod:`.rendering`  makes a message of its template, and refuses one that cannot be used
:mod:`.sending`    sends one message; the only importer of Apprise
:mod:`.wire`       notices whether anything of a message may have left the process that sends it
:mod:`.child`      asks a process of its own, so that nothing that happens there happens here

When something is told, and how often it is tried, is the business of :mod:`forge_events.dispatcher.notifier`.
"""

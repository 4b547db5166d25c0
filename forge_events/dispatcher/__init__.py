# SPDX-License-Identifier: Apache-2.0
"""The engine that runs jobs: the dispatcher decides, the executor runs, the lifecycle table permits.

:mod:`.decision`     which node a job gets, and why it gets none; pure
:mod:`.dispatcher`   takes jobs from the queue to nodes, and ends what lost nodes leave
:mod:`.executor`     runs the jobs of a node, each through the steps of :mod:`.starting` and :mod:`.finishing`
:mod:`.runner`       the process in which one job runs, and on a :mod:`.pseudoterminal` its Ansible
:mod:`.processes`    finds and ends all processes of a job
:mod:`.machine`      what a machine has, and what it is called
:mod:`.service`      all of it, until it is told to stop
:mod:`.notifier`     tells people how jobs went
"""

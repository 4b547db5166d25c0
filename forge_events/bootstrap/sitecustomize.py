# SPDX-License-Identifier: Apache-2.0
"""See what a recorded command prints before Ansible loads callbacks. Python imports this by itself as it starts.

``forge-events record`` puts this folder first on the command's ``PYTHONPATH``. Nothing here may be noticed: the folder
is taken off the path again, faults are swallowed, and the ``sitecustomize`` that this one has hidden is run after all.
Without annotations, since any Python below a recorded command, however old, may come by here.
"""

# Old Pythons have no pathlib, and it is for them that the version is looked at.
# ruff: noqa: PTH100, PTH120, UP036

import importlib
import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [_path for _path in sys.path if os.path.abspath(_path) != _here]
if sys.version_info >= (3, 10):
    try:
        sys.path.insert(0, _here)
        try:
            _early = importlib.import_module("_forge_events_early")
        finally:
            sys.path.remove(_here)
        _early.begin(_here)
    except Exception:  # noqa: BLE001, S110 - the command must run as if nobody watched it
        pass

_ours = sys.modules.pop("sitecustomize", None)
try:
    importlib.import_module("sitecustomize")
except ImportError as _error:
    # As Python does: a missing module is nothing to tell, one that fails is.
    if getattr(_error, "name", None) != "sitecustomize":
        raise
if _ours is not None:
    # The import system wants to find what it has just loaded.
    sys.modules.setdefault("sitecustomize", _ours)

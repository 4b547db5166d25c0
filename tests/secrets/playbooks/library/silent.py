# SPDX-License-Identifier: GPL-3.0-or-later
"""Hide an argument whose name does not say that it is a secret, and fail if wanted."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule(
    argument_spec={
        "word": {"type": "str", "no_log": True},
        "other": {"type": "str"},
        "fails": {"type": "bool", "default": False},
    }
)
if module.params["fails"]:
    module.fail_json(msg=f"it failed with {module.params['word']}")
module.exit_json(changed=False)

# SPDX-License-Identifier: GPL-3.0-or-later
"""A module with an argument that it keeps to itself."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(argument_spec={"word": {"type": "str", "no_log": True}})
    module.exit_json(changed=False, echo=module.params["word"])


if __name__ == "__main__":
    main()

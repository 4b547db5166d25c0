# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that returns what it is told to: warnings and deprecations."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule


def main():
    spec = {"messages": {"type": "list", "elements": "str"}, "deprecations": {"type": "list", "elements": "str"}}
    module = AnsibleModule(argument_spec=spec)
    for message in module.params["messages"]:
        module.warn(message)
    for message in module.params["deprecations"]:
        module.deprecate(message, version="9.0.0", collection_name="forge.events")
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()

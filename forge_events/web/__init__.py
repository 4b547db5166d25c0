# SPDX-License-Identifier: Apache-2.0
"""The page: jobs as they run, for people with a browser. Every page works without JavaScript; with it, it is live."""

"""The peers' scripts; all but the bare loop run in an environment of their own, .venv-peers."""

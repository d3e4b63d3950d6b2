"""Verification of the dates: before a run, and whenever answers repeat while it works."""

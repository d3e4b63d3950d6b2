"""Does the API honour the dates? Verified before a run, watched while it works."""

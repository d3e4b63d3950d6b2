"""One run, from the lock of its directory to the last line."""

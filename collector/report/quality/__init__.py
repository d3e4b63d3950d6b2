"""Quality: what is odd in the data."""

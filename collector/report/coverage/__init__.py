"""Coverage: which planned cells have an answer, and which do not."""

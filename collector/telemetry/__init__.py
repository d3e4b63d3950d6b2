"""What a run tells of itself: counts, latencies, samples, metrics, the log."""

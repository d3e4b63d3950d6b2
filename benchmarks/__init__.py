"""Measurements that anyone can repeat: `python -m benchmarks`, or `make bench`."""

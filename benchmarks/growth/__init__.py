"""`python -m benchmarks.growth`: how CPU time and memory grow with the size of what is read."""

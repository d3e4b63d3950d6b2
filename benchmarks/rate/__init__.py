"""How the rate is controlled, in virtual and in real time: `python -m benchmarks.rate`."""

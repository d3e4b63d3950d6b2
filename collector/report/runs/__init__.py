"""Runs: their facts, and how they went over time."""

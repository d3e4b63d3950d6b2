"""Delivery: sums of what the API counted, and how they changed from one answer to the next."""

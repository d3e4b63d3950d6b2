"""How fast: pure decisions about the rate, about pauses and about retries.

No HTTP, no tasks, no clock: time is passed in. `controller` is what the others are parts of:
`schedule` (when the next may leave), `search` (at which rate), `estimate` (what the limit is),
`blockade` (single probes), `breaker` (is it an outage), `suspicion` (is a 503 a refusal),
`latency_watch` (does the server queue), `hints` (what its headers say). `retry_budget` is about
retries of all cells together, `in_flight` about concurrency.
"""

from collector.pace.blockade import Cause
from collector.pace.controller import Notify, RateController
from collector.pace.departure import Departure
from collector.pace.in_flight import in_flight_needed
from collector.pace.retry_budget import RetryBudget

__all__ = [
    "Cause",
    "Departure",
    "Notify",
    "RateController",
    "RetryBudget",
    "in_flight_needed",
]

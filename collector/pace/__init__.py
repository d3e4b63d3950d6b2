"""How fast: pure decisions about the rate, about pauses and about retries.

No HTTP, no tasks, no clock: time is passed in. `controller` is what the others are parts of: who is
let in, kept out, charged. `pacer` is how fast they leave meanwhile: `schedule` (when the next may),
`search` (at which rate), `latency_watch` (does the server queue). `estimate` is what the limit is,
`circuit` single probes, `breaker` whether it is an outage, `suspicion` whether a 503 is a refusal,
`outcasts` who is refused for itself, `hints` what headers say. `retry_budget` is about retries of
all cells together, `in_flight` about concurrency, `share` about several who share a rate.
"""

from collector.pace.circuit import Cause
from collector.pace.controller import RateController
from collector.pace.latency import in_flight_needed
from collector.pace.limiter import Notify
from collector.pace.retry_budget import RetryBudget
from collector.pace.types import AUTO_START, PaceView, Permit, Share

__all__ = [
    "AUTO_START",
    "Cause",
    "Notify",
    "PaceView",
    "Permit",
    "RateController",
    "RetryBudget",
    "Share",
    "in_flight_needed",
]

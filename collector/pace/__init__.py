"""Rate control: pure decisions about the rate, about pauses and about retries.

No HTTP, no tasks, no clock: time is passed in.

    controller      permits, the state of the circuit, and what a failure is charged to
    limiter         the rate in force: its search, and the schedule of permits
    latency         whether the server queues requests; the concurrency that a rate needs
    circuit         the circuit breaker, and the probe requests while the circuit is open
    estimate        the limit of the server, from accepted and throttled requests
    refusals        what a 503 means, which companies are throttled, what rate headers say
    shortage        the requests in flight that this machine can make
    retry_budget    the retries of all cells together
    types           values shared with the callers
"""

from collector.pace.circuit import Cause
from collector.pace.controller import RateController
from collector.pace.latency import in_flight_needed
from collector.pace.limiter import Notify
from collector.pace.retry_budget import RetryBudget
from collector.pace.shortage import LocalLimit
from collector.pace.types import AUTO_START, PaceView, Permit, Share

__all__ = [
    "AUTO_START",
    "Cause",
    "LocalLimit",
    "Notify",
    "PaceView",
    "Permit",
    "RateController",
    "RetryBudget",
    "Share",
    "in_flight_needed",
]

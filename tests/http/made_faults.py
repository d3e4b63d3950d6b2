"""A fault, for tests that do not look at its cause."""

from typing import Final

from collector.http.faults import Fault, Nature

FAULT: Final = Fault("made up", Nature.TRANSIENT)

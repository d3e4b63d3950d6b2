"""A server that is not the bottleneck, answers after an exact latency, and logs its answers.

It is nginx where that is installed, otherwise Granian, whose HTTP is compiled Rust. Both write a
line for each answer, so that every client is timed by the same clock, and no client's own figures
are trusted.
"""

from benchmarks.server.answers import Answered, parse_answers
from benchmarks.server.serve import Server, server_name, serving

__all__ = ["Answered", "Server", "parse_answers", "server_name", "serving"]

"""The measured programs and their commands. The reasons are in docs/benchmarks.md."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson

from benchmarks.speed.work import IN_FLIGHT, Work

__all__ = ["BARE", "CONTENDERS", "CURL", "CURL_AND_JQ", "PEERS", "Contender", "Job", "Repetition"]

PEERS: Final = Path(".venv-peers/bin/python")
"""The interpreter that has the peers; `make bench` installs them."""

_SCRIPTS: Final = Path(__file__).parent / "peers"

_DLT_THREADS_AT_ONCE: Final = 16
"""dlt's threads without latency: more of them only wait for each other, and slow it down."""

Command = Sequence[str | Path]


@dataclass(frozen=True, slots=True)
class Job:
    """Work to do against a server, with a new directory for its input and output files."""

    base_url: str
    work: Work
    is_late: bool
    directory: Path

    def file(self, name: str, text: str) -> Path:
        """Write a file into the directory."""
        path = self.directory / name
        path.write_text(text)
        return path

    def urls(self) -> Path:
        """Write the addresses, one per line."""
        text = "".join(f"{self.base_url}{address}\n" for address in self.work.addresses)
        return self.file("urls.txt", text)


@dataclass(frozen=True, slots=True)
class Repetition:
    """Number of rounds of a program, and of requests in a run; `late_...` with latency.

    Slow programs send fewer requests, and still take longer.
    """

    rounds: int = 3
    late_rounds: int = 3
    requests: int = 5000
    late_requests: int = 5000


@dataclass(frozen=True, slots=True)
class Contender:
    """One program: its name in commands and in the report, and its command.

    If `is_encrypted`, it sends its requests over TLS.
    """

    key: str
    title: str
    command: Callable[[Job], Command]
    repetition: Repetition = Repetition()
    environment: dict[str, str] = field(default_factory=dict)
    is_encrypted: bool = False


def _collector(job: Job) -> Command:
    """Return the command as users run it, with everything on."""
    companies = job.file("companies.txt", "".join(f"{name}\n" for name in job.work.companies))
    first, last = job.work.days[0], job.work.days[-1]
    return [
        *(sys.executable, "-m", "collector", "run", companies),
        *("--from", str(first), "--until", str(last), "--window", "1d"),
        *("--rate", "1000000", "--concurrency", str(IN_FLIGHT)),
        *("--base-url", job.base_url, "--token-url", f"{job.base_url}/oauth/token/"),
        *("--output", job.directory / "run"),
    ]


def _bare_loop(*how: str) -> Callable[[Job], Command]:
    def command(job: Job) -> Command:
        companies, days = len(job.work.companies), job.work.days
        what = (str(companies), str(days[0]), str(len(days)), str(IN_FLIGHT))
        return [sys.executable, _SCRIPTS / "bare_loop.py", job.base_url, *what, *how]

    return command


def _curl(job: Job) -> Command:
    lines = ["silent", "fail", "parallel", f"parallel-max = {IN_FLIGHT}", "http1.1"]
    lines.append('header = "Authorization: Bearer bench"')
    for address in job.work.addresses:
        lines += [f'url = "{job.base_url}{address}"', 'output = "/dev/null"']
    return ["curl", "--disable", "--config", job.file("curl.txt", "\n".join(lines))]


_TO_LINES: Final = """
set -e
curl --disable --config "$1"
find "$2" -type f -print0 | sort -z | xargs -0 jq -c '
  (input_filename | split("/") | last | split("_")) as $cell
  | {company_id: $cell[0], from_date: $cell[1], until_date: $cell[2], statistics: .data}
' > "$3"
test "$(wc -l < "$3")" = "$4"
"""


def _curl_and_jq(job: Job) -> Command:
    """Return what users would type instead: a file for each answer, then lines of all of them."""
    answers = job.directory / "answers"
    answers.mkdir()
    lines = ["silent", "fail", "parallel", f"parallel-max = {IN_FLIGHT}", "http1.1"]
    lines.append('header = "Authorization: Bearer bench"')
    for address in job.work.addresses:
        company, query = address.split("/")[5], address.rpartition("?")[2]
        first, last = (parameter.partition("=")[2] for parameter in query.split("&"))
        lines += [f'url = "{job.base_url}{address}"']
        lines += [f'output = "{answers}/{company}_{first}_{last}"']
    config, output = job.file("curl.txt", "\n".join(lines)), job.directory / "lines.jsonl"
    return ["bash", "-c", _TO_LINES, "bash", config, answers, output, str(job.work.requests)]


def _scrapy(job: Job) -> Command:
    spider, feed = _SCRIPTS / "scrapy_spider.py", job.directory / "feed.jsonl"
    return [PEERS, "-m", "scrapy", "runspider", spider, "-a", f"urls={job.urls()}", "-O", feed]


def _dlt(way: str) -> Callable[[Job], Command]:
    def command(job: Job) -> Command:
        at_once = way == "threads" and not job.is_late
        in_flight = _DLT_THREADS_AT_ONCE if at_once else IN_FLIGHT
        script = _SCRIPTS / "dlt_pipeline.py"
        return [PEERS, script, way, job.urls(), job.directory, str(in_flight)]

    return command


def _singer(job: Job) -> Command:
    days = [str(day) for day in job.work.days]
    settings = {"base_url": job.base_url, "companies": job.work.companies, "days": days}
    configuration = job.file("config.json", orjson.dumps(settings).decode())
    return [PEERS, _SCRIPTS / "singer_tap.py", "--config", configuration]


_CREDENTIALS: Final = {"TRUST_CLIENT_ID": "bench", "TRUST_CLIENT_SECRET": "bench-secret"}
_DLT: Final = {"DLT_DATA_DIR": os.devnull, "RUNTIME__DLTHUB_TELEMETRY": "false"}

_FAST: Final = Repetition(rounds=5, requests=40_000, late_requests=40_000)
_TLS: Final = Repetition(requests=40_000, late_requests=10_000)

BARE: Final = Contender("bare", "bare aiohttp loop", _bare_loop(), _FAST)
CURL: Final = Contender("curl", "`curl --parallel`", _curl, _FAST)

CURL_AND_JQ: Final = Contender(
    "curl-jq", "`curl --parallel` into files, then `jq -c` over them", _curl_and_jq, _FAST
)

CONTENDERS: Final = (
    Contender("collector", "**collector**, everything on", _collector, _FAST, _CREDENTIALS),
    BARE,
    Contender("bare-warm", "the same, memory warmed", _bare_loop("warm"), _FAST),
    CURL,
    CURL_AND_JQ,
    Contender(
        "collector-tls", "**collector** over TLS", _collector, _TLS, _CREDENTIALS, is_encrypted=True
    ),
    Contender("bare-tls", "bare aiohttp loop over TLS", _bare_loop(), _TLS, is_encrypted=True),
    Contender("scrapy", "Scrapy", _scrapy, Repetition(requests=3000, late_requests=3000)),
    Contender("dlt-threads", "dlt, threads", _dlt("threads"), environment=_DLT),
    Contender("dlt-async", "dlt, asynchronous", _dlt("async"), environment=_DLT),
    Contender(
        "singer",
        "Singer SDK tap, one at a time",
        _singer,
        Repetition(late_requests=200),
        {"TAP_STATISTICS_LOGLEVEL": "WARNING"},
    ),
)
"""In the order of the report and of each round."""

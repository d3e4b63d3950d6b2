"""What tests share: the real command in a child process, APIs, a full disk."""

import asyncio
import compileall
import gc
import json
import os
import re
import resource
import signal
import ssl
import sys
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
    Mapping,
)
from contextlib import (
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import hypothesis
import pytest
from aiohttp import web

import collector
from collector.simulator import Simulator, SimulatorSettings
from tests.forking import ForkedProcess, ForkServers, Order
from tests.parsing import keep_arguments

# Each worker would compile all of the tests again where compiled files are not to be written.
sys.dont_write_bytecode = False

# As many examples as show a mistake nearly always, and for `make torture` as many as take minutes.
# What CI changes of the defaults (the same draws each time) stays. However long an example takes
# is the business of the machine, which may stand still in any of them.
for name, count in (("quick", 40), ("torture", 1000)):
    hypothesis.settings.register_profile(
        name, hypothesis.settings(), max_examples=count, deadline=None
    )
hypothesis.settings.load_profile("quick")

# The servers of the tests are on this machine, whatever proxy it has for others.
for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[name]

ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("TRUST_", "COLLECTOR_", "PYTEST_", "SSLKEYLOGFILE"))
}
"""Of child processes: nothing of the machine's own credentials or settings."""

# Some die, or may write small files only, and would leave half a compiled file behind.
ENVIRONMENT["PYTHONDONTWRITEBYTECODE"] = "1"
# To start is most of what they do. The development mode would have them look for mistakes in the
# use of memory too, which only C makes; and the authorities of the machine, whom aiohttp reads
# twice, sign for no server of the tests.
ENVIRONMENT["PYTHONMALLOC"] = "pymalloc"
ENVIRONMENT["SSL_CERT_FILE"] = os.devnull


def pytest_configure(config: pytest.Config) -> None:
    """Compile the collector once, before the first of some 200 processes is started."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # So a shell starts what is to run in the background, and children would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # So nohup does.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    keep_arguments()
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(collector.__path__[0], quiet=2)
        config.add_cleanup(ForkServers(ENVIRONMENT).stop)


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Let hypothesis find out what characters there are, while several workers collect tests.

    It goes through all of Unicode and keeps what it has found in a file, for more than a second in
    a new clone, in each worker that does not find the file.
    """
    if session.config.pluginmanager.hasplugin("dsession"):
        hypothesis.strategies.text().validate()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the files without the first mark that is asked for: nearly all of them."""
    mark = config.option.markexpr.partition(" and ")[0]
    if collection_path.suffix != ".py" or not mark.isidentifier():
        return None
    sign = "from hypothesis import" if mark == "hypothesis" else f"pytest.mark.{mark}"
    return sign not in collection_path.read_text(encoding="utf-8") or None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without collecting garbage, and keep them from its collector afterwards.

    There is none among them, and it would go through all of them again and again: a tenth of a
    second each time, in which servers of this process stand still.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let each of several workers begin with other files of a directory.

    In a new clone all of them would compile the same file at the same time. So each compiles some,
    and finds the others compiled.
    """
    report = yield
    worker = getattr(collector.config, "workerinput", None)
    if worker is not None and isinstance(collector, pytest.Directory):
        number = int(worker["workerid"].removeprefix("gw"))
        first = len(report.result) * number // worker["workercount"]
        report.result = report.result[first:] + report.result[:first]
    return report


_PROGRESS: Final = r"at=\S+ level=info event=progress "


@dataclass(frozen=True)
class Finished:
    """A child process that has ended."""

    exit_code: int
    stdout: str
    stderr: str


def _without_notes(stderr: str) -> str:
    """Leave out what depends on how busy the machine is.

    These are asyncio's notes about slow callbacks, and the lines of progress of a run that takes
    longer than half a minute.
    """
    return "".join(
        line
        for line in stderr.splitlines(keepends=True)
        if not line.startswith("Executing <") and not re.match(_PROGRESS, line)
    )


Process = asyncio.subprocess.Process | ForkedProcess


@dataclass(frozen=True)
class Command:
    """Runs `python -m collector` as a user would, in an empty directory of its own.

    The process is forked from one that has imported the collector already: see `forking.py`.
    `processes` are those that a test has started; the fixture ends them.
    """

    directory: Path
    environment: Mapping[str, str]
    flags: tuple[str, ...] = ("-W", "error")
    is_forked: bool = True
    processes: list[Process] = field(default_factory=list, compare=False)

    async def start(
        self,
        *arguments: str,
        stdin: bytes | int = b"",
        stdout: int | None = None,
        stderr: int | None = None,
        limits: Mapping[int, tuple[int, int]] | None = None,
        **more: Any,  # noqa: ANN401
    ) -> Process:
        """Start the command. The streams are descriptors or pipes; `more` goes to `Order`."""
        if not self.is_forked:
            return await self.spawn(sys.executable, *self.flags, "-m", "collector", *arguments)
        # A test may have set it for all that it starts.
        limits = {
            resource.RLIMIT_FSIZE: resource.getrlimit(resource.RLIMIT_FSIZE),
            **(limits or {}),
        }
        order = Order(
            arguments, self.directory, self.environment, flags=self.flags, limits=limits, **more
        )
        process = await ForkedProcess.start(order, stdin, stdout, stderr)
        self.processes.append(process)
        return process

    async def spawn(self, *words: str, **more: Any) -> asyncio.subprocess.Process:  # noqa: ANN401
        """Start any program; `more` goes to `create_subprocess_exec`."""
        streams = dict.fromkeys(("stdout", "stderr"), asyncio.subprocess.PIPE)
        process = await asyncio.create_subprocess_exec(
            *words,
            **{"cwd": self.directory, "env": dict(self.environment), **streams, **more},
        )
        self.processes.append(process)
        return process

    async def run(self, *arguments: str, stdin: bytes = b"", **more: Any) -> Finished:  # noqa: ANN401
        """Run the command to its end; it is killed if the test gives up."""
        if self.is_forked:
            return await self.finish(await self.start(*arguments, stdin=stdin, **more))
        words = (*self.flags, "-m", "collector", *arguments)
        process = await self.spawn(sys.executable, *words, stdin=asyncio.subprocess.PIPE)
        return await self.finish(process, stdin)

    @staticmethod
    async def finish(process: Process, stdin: bytes | None = None) -> Finished:
        """Wait for the end of a started command."""
        try:
            async with asyncio.timeout(90):
                stdout, stderr = await process.communicate(stdin)
        except BaseException:
            await end(process)
            raise
        assert process.returncode is not None
        # A stream that the test has given to the process is not a pipe.
        said, complained = (stdout or b"").decode(), (stderr or b"").decode()
        return Finished(process.returncode, said, _without_notes(complained))

    def with_environment(self, **variables: str) -> "Command":
        """Return the same command with more environment variables."""
        return replace(self, environment={**self.environment, **variables})

    def pointed_at(
        self,
        base_url: str,
        token_url: str | None = None,
        *,
        client_id: str = "me",
        client_secret: str = "fake",  # noqa: S107 - fake
    ) -> "Command":
        """Return the same command with the addresses of a service, and credentials for it."""
        return self.with_environment(
            COLLECTOR_BASE_URL=base_url,
            COLLECTOR_TOKEN_URL=token_url or f"{base_url}/oauth/token/",
            TRUST_CLIENT_ID=client_id,
            TRUST_CLIENT_SECRET=client_secret,
        )

    def from_the_start(self) -> "Command":
        """Return the same command, which Python has to start for each time."""
        return replace(self, is_forked=False)

    def without_debugging(self) -> "Command":
        """Return the same command as its users run it: asyncio's debug mode is slow."""
        environment = {k: v for k, v in self.environment.items() if k != "PYTHONASYNCIODEBUG"}
        return replace(self, flags=(), environment=environment)

    def write(self, name: str, text: str) -> Path:
        """Write a file into the command's directory."""
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Read a file of JSON lines, each of which must be whole."""
        text = (self.directory / name).read_text(encoding="utf-8")
        assert not text or text.endswith("\n")
        return [json.loads(line) for line in text.splitlines()]

    def manifest(self, run: str) -> dict[str, Any]:
        """Read the manifest of a run."""
        loaded: dict[str, Any] = json.loads((self.directory / run / "run.json").read_bytes())
        return loaded

    def files(self) -> set[str]:
        """List everything below the command's directory."""
        return {str(path.relative_to(self.directory)) for path in self.directory.rglob("*")}


async def end(process: Process) -> None:
    """Kill a process unless it has ended."""
    if isinstance(process, ForkedProcess):
        await process.end()
    elif process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@pytest.fixture
async def command(tmp_path: Path) -> AsyncIterator[Command]:
    """Give the command, with nothing of the machine's own credentials or settings."""
    command = Command(tmp_path, ENVIRONMENT)
    yield command
    for process in command.processes:
        await end(process)


def company_lines(count: int) -> str:
    """Return the text of a companies file: `count` ids, from 0."""
    return "".join(f"{number}\n" for number in range(count))


StartApi = Callable[..., Awaitable[Simulator]]


@pytest.fixture
async def start_api() -> AsyncIterator[StartApi]:
    """Give a function that starts an embedded API with the given settings."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Simulator:  # noqa: ANN401 - see SimulatorSettings
            api = Simulator(SimulatorSettings(port=0, **settings), record_requests=True)
            return await stack.enter_async_context(api)

        yield start


@pytest.fixture
def against(command: Command) -> Callable[[Simulator], Command]:
    """Give a function that points the command at an embedded API, with its credentials."""

    def point(api: Simulator) -> Command:
        return command.pointed_at(
            api.base_url,
            api.token_url,
            client_id=api.settings.client_id,
            client_secret=api.settings.client_secret,
        )

    return point


Handler = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def serving(
    issue: Handler, answer: Handler, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve tokens and statistics on this machine until the block ends; give the port."""
    application = web.Application()
    application.router.add_post("/oauth/token/", issue)
    application.router.add_get("/campaigns/api/v1/company/{company}/statistics", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


Judge = Callable[[str, int], int]
Total = Callable[[str, range], int]


@dataclass
class OwnApi:
    """A server that issues a token to any client, and answers what `judge` says.

    `judge` takes a company and the number of requests before, and returns the status; every answer
    takes `latency` seconds, and those after the very first wait until `gathers` requests are in
    flight. If it `closes`, it ends each connection after one answer. With `tls` its address is `https://host`.
    `total` gives the total for a company and the ordinals of its days. `headers` are the names of
    all headers that have come.
    """

    judge: Judge
    latency: float = 0.0
    gathers: int = 0
    closes: bool = False
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    total: Total = lambda _company, _days: 0
    base_url: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    headers: set[str] = field(default_factory=set)
    in_flight: int = 0
    most_in_flight: int = 0
    _gathered: asyncio.Event = field(default_factory=asyncio.Event)

    def point(self, command: Command) -> Command:
        """Point the command at this server."""
        return command.pointed_at(self.base_url)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["OwnApi"]:
        """Serve until the block ends."""
        async with serving(self._token, self._statistics, self.tls) as port:
            scheme = "http" if self.tls is None else "https"
            self.base_url = f"{scheme}://{self.host}:{port}"
            yield self

    async def _token(self, request: web.Request) -> web.Response:
        self.headers.update(request.headers)
        return web.json_response({"access_token": "fake", "expires_in": 7200})

    async def _statistics(self, request: web.Request) -> web.Response:
        company = request.match_info["company"]
        self.headers.update(request.headers)
        status = self.judge(company, self.asked.total())
        self.asked[company] += 1
        self.statuses[status] += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if self.most_in_flight >= self.gathers:
            self._gathered.set()
        try:
            if self.asked.total() > 1:
                await self._gathered.wait()
            await asyncio.sleep(self.latency)
        finally:
            self.in_flight -= 1
        total = self.total(company, self._days(request))
        counters: dict[str, Any] = {"total": total, "sended": total, "pending": 0, "fails": 0}
        counters |= {"campaign": 0, "actions": {}}
        envelope = {"code": status, "data": counters if status == web.HTTPOk.status_code else None}
        answer = web.json_response(envelope, status=status)
        if self.closes:
            answer.force_close()
        return answer

    @staticmethod
    def _days(request: web.Request) -> range:
        today = datetime.now(UTC).date()
        first = request.query.get("from_date", str(today - timedelta(days=6)))
        last = request.query.get("until_date", str(today))
        begin, end = (date.fromisoformat(day).toordinal() for day in (first, last))
        return range(begin, end + 1)


StartOwnApi = Callable[..., Awaitable[OwnApi]]


@pytest.fixture
async def serve() -> AsyncIterator[StartOwnApi]:
    """Give a function that starts a server of the test's own; see `OwnApi`."""
    async with AsyncExitStack() as stack:

        async def start(judge: Judge, **more: Any) -> OwnApi:  # noqa: ANN401 - see OwnApi
            return await stack.enter_async_context(OwnApi(judge, **more).serving())

        yield start


LargestFile = Callable[[int], AbstractContextManager[None]]


@pytest.fixture
def largest_file() -> LargestFile:
    """Give a context in which the kernel refuses what would make a file larger than so many bytes.

    Python ignores the signal that comes with it.
    """

    @contextmanager
    def limit(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        # Python does not notice that half of a compiled file is written, and no later process could
        # import that module.
        before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        # A module that is imported meanwhile would leave a part of its compiled file behind.
        sys.dont_write_bytecode = True
        try:
            yield
        finally:
            sys.dont_write_bytecode = False
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            sys.dont_write_bytecode = before

    return limit


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Spread the end-to-end tests evenly, when several workers share the tests.

    They wait most of their time, and stand at the end: there the workers would all wait,
    after all had computed. They go between two modules, so that none is set up twice.
    """
    if not hasattr(config, "workerinput"):
        return
    items.sort(key=lambda item: item.path)
    waiting = [item for item in items if "end_to_end" in item.path.parts]
    modules = [
        list(tests)
        for path, tests in groupby(items, key=lambda item: item.path)
        if "end_to_end" not in path.parts
    ]
    count = sum(map(len, modules))
    mixed: list[pytest.Item] = []
    given = seen = 0
    for tests in modules:
        mixed += tests
        seen += len(tests)
        due = len(waiting) * seen // count
        mixed += waiting[given:due]
        given = due
    items[:] = mixed or items

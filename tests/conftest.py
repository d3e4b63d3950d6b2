"""What tests share: the real command in a child process, the embedded API, a disk that refuses."""

import asyncio
import json
import os
import resource
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from collector.simulator import Simulator, SimulatorSettings

_ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("TRUST_", "COLLECTOR_"))
}


@dataclass(frozen=True)
class Finished:
    """A child process that has ended."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Command:
    """Starts `python -m collector` as a user would, in an empty directory of its own."""

    directory: Path
    environment: Mapping[str, str]
    flags: tuple[str, ...] = ("-X", "dev", "-W", "error")

    async def start(self, *arguments: str, **more: Any) -> asyncio.subprocess.Process:  # noqa: ANN401
        """Start the command; `more` goes to `create_subprocess_exec`."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *(*self.flags, "-m", "collector"),
            *arguments,
            cwd=self.directory,
            env=dict(self.environment),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            **more,
        )

    async def run(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        **more: Any,  # noqa: ANN401
    ) -> Finished:
        """Run the command to its end; it is killed if the test gives up."""
        pipe = asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE
        process = await self.start(*arguments, stdin=pipe, **more)
        return await self.finish(process, stdin)

    @staticmethod
    async def finish(process: asyncio.subprocess.Process, stdin: bytes | None = None) -> Finished:
        """Wait for the end of a started command."""
        try:
            async with asyncio.timeout(90):
                stdout, stderr = await process.communicate(stdin)
        except BaseException:
            process.kill()
            await process.wait()
            raise
        assert process.returncode is not None
        return Finished(process.returncode, stdout.decode(), stderr.decode())

    def with_environment(self, **variables: str) -> "Command":
        """Return the same command with more environment variables."""
        return replace(self, environment={**self.environment, **variables})

    def without_debugging(self) -> "Command":
        """Return the same command as its users run it: asyncio's debug mode is slow."""
        return replace(self, flags=())

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


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Give the command, with nothing of the machine's own credentials or settings."""
    return Command(tmp_path, _ENVIRONMENT)


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
        return command.with_environment(
            COLLECTOR_BASE_URL=api.base_url,
            COLLECTOR_TOKEN_URL=api.token_url,
            TRUST_CLIENT_ID=api.settings.client_id,
            TRUST_CLIENT_SECRET=api.settings.client_secret,
        )

    return point


LargestFile = Callable[[int], AbstractContextManager[None]]


@pytest.fixture
def largest_file() -> LargestFile:
    """Give a context in which the kernel refuses what would make a file larger than so many bytes.

    Python ignores the signal that comes with it.
    """

    @contextmanager
    def limit(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit

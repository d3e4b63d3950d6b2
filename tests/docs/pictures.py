"""`make pictures`: draw docs/run.svg and docs/report.png from a real run and its report.

The run is that of README.md, against the embedded API with errors, in a terminal of its own. The
SVG has one frame of the display and the summary as they were printed. The screenshot needs
Chromium.
"""

import asyncio
import io
import os
import pty
import re
import shutil
import sys
import termios
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from playwright.async_api import async_playwright
from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.text import Text

_DOCS: Final = Path(__file__).parents[2] / "docs"
_PORT: Final = "8799"
_COLUMNS: Final = 96
_FRAME: Final = 0.45
"""The share of the run after which the display is shown."""

_NAMES: Final = ("Andes Retail", "Banco del Sur", "Cordillera Seguros", "Farmacias Pampa")
_COMMAND: Final = (
    *("run", "companies.txt", "--last", "7d", "--window", "1d", "--rate", "50"),
    *("--output", "output/night"),
)
_SIMULATE: Final = (
    *("simulate", "--port", _PORT, "--latency", "0.12", "--jitter", "0.03"),
    *("--share-500", "0.04", "--share-resets", "0.01", "--settle-days", "5"),
)
_FONT_FACES: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""rich's SVG names fonts on a server of others; a monospaced font of the reader is as good."""

_MOVES: Final = re.compile(r"\x1b\[[0-9;?]*[A-LN-Za-ln-z]|\x1b\][^\x07]*\x07")
"""Every control sequence but colours."""


def _companies() -> str:
    lines = (f"{number} {_NAMES[number % len(_NAMES)]} {number}\n" for number in range(1, 416))
    return "".join(lines)


def _collector(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "collector", *arguments]


async def _screen(arguments: tuple[str, ...], directory: Path, environment: dict[str, str]) -> str:
    """Run the command in a terminal of its own, and return all that it printed there."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (30, _COLUMNS))
    process = await asyncio.create_subprocess_exec(
        *_collector(*arguments),
        cwd=directory,
        env=environment,
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    printed = bytearray()
    with suppress(OSError):  # The end of the other side.
        while piece := await asyncio.to_thread(os.read, leader, 65536):
            printed += piece
    os.close(leader)
    assert await process.wait() == 0
    return printed.decode()


def _picture(printed: str) -> str:
    """Return one frame of the display, and what was printed after the last one, as an SVG."""
    lines = [line.rstrip() for line in _MOVES.sub("", printed).replace("\r", "\n").split("\n")]
    bars = [number for number, line in enumerate(lines) if "cells" in line and "left" in line]
    frame = bars[int(len(bars) * _FRAME)]
    details = next(line for line in lines[frame + 1 :] if "in flight" in line)
    last = max(number for number, line in enumerate(lines) if "in flight" in line)
    summary = "\n".join(line for line in lines[last + 1 :] if line)
    console = Console(width=_COLUMNS, record=True, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ collector {' '.join(_COMMAND)}", style="bold"))
    for line in AnsiDecoder().decode(f"{lines[frame]}\n{details}\n\n{summary}"):
        console.print(line)
    return _FONT_FACES.sub("", console.export_svg(title="collector run", unique_id="run"))


async def _screenshot(page: Path) -> None:
    async with async_playwright() as playwright:
        path = os.environ.get("COLLECTOR_CHROMIUM") or shutil.which("chromium")
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        tab = await browser.new_page(viewport={"width": 1200, "height": 900})
        await tab.goto(page.as_uri())
        await tab.screenshot(path=_DOCS / "report.png")
        await browser.close()


async def _draw() -> None:
    base = f"http://127.0.0.1:{_PORT}"
    environment = os.environ | {
        "TERM": "xterm-256color",
        "COLUMNS": str(_COLUMNS),
        "TRUST_CLIENT_ID": "demo",
        "TRUST_CLIENT_SECRET": "demo-secret",
        "COLLECTOR_BASE_URL": base,
        "COLLECTOR_TOKEN_URL": f"{base}/oauth/token/",
    }
    with TemporaryDirectory() as scratch:
        directory = Path(scratch)
        (directory / "companies.txt").write_text(_companies())
        server = await asyncio.create_subprocess_exec(
            *_collector(*_SIMULATE), stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert server.stdout is not None
            assert await server.stdout.readline()
            printed = await _screen(_COMMAND, directory, environment)
            (_DOCS / "run.svg").write_text(_picture(printed), encoding="utf-8")
            made = await asyncio.create_subprocess_exec(
                *_collector("report", *map(str, (directory / "output").iterdir())),
                *("--to", str(directory / "report.html")),
            )
            assert await made.wait() == 0
            await _screenshot(directory / "report.html")
        finally:
            server.terminate()
            await server.communicate()


if __name__ == "__main__":
    asyncio.run(_draw())

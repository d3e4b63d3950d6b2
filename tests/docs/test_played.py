"""Every command of every page is run by a test, or its block is marked: `<!-- not run: why -->`.

docs/commands.md, nightly.md, python.md and recipes.md have tests of their own, which compare what
is printed. Here the blocks of the other pages run against the embedded API.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from collector.simulator import Simulator, SimulatorSettings
from tests.conftest import ENVIRONMENT
from tests.docs.pages import PAGES, Block, blocks, name_of, read
from tests.docs.played_page import Example, Shell, shell

_ELSEWHERE: Final = {"commands.md", "decisions.md", "nightly.md", "python.md", "recipes.md"}
_PAGES: Final = [page for page in PAGES if page.name not in _ELSEWHERE]
_MARK: Final = re.compile(r"<!-- not run: [^\n]+ -->\n+\Z")
_COMMAND: Final = re.compile(r"(?:^|[|;&( ])(?:collector|docker|make|pip|pipx|uv) ", re.MULTILINE)
_SESSIONS: Final = {"console", "text"}
_FAILS_AS_SHOWN: Final = re.compile(r"--fail-on|collector (?:check|diff|verify)\b")
"""Commands whose exit code depends on what they find."""


def _script(block: Block) -> str:
    """Return the commands of a block; none if it has none."""
    if block.language in _SESSIONS:
        found = re.findall(r"^\$ ((?:.*\\\n)*.*)$", block.body, re.MULTILINE)
    else:
        found = [block.body] if block.language in {"sh", "bash"} else []
    return "\n".join(text for text in found if _COMMAND.search(text))


def _scripts(page: Path) -> list[tuple[Block, str, bool]]:
    """Return the blocks of a page that have commands, and whether each is marked as not run."""
    text = read(page)
    lines = text.splitlines(keepends=True)
    return [
        (block, script, bool(_MARK.search("".join(lines[: block.line - 2]))))
        for block in blocks(text)
        if (script := _script(block))
    ]


_PLAYED: Final = [
    pytest.param(block, script, id=f"{name_of(page)}:{block.line}")
    for page in _PAGES
    for block, script, is_marked in _scripts(page)
    if not is_marked
]


@pytest.fixture
async def bash(tmp_path: Path) -> AsyncIterator[Shell]:
    """Give a bash beside the runs that the pages speak of, with an API that it may use."""
    settings = SimulatorSettings(port=0)
    (tmp_path / "companies.txt").write_text("4892 Banco del Sur\n5120\n-1 Sandbox\n")
    async with Simulator(settings) as api:
        variables = {
            "TRUST_CLIENT_ID": settings.client_id,
            "TRUST_CLIENT_SECRET": settings.client_secret,
            "COLLECTOR_BASE_URL": api.base_url,
            "COLLECTOR_TOKEN_URL": api.token_url,
            "COLLECTOR_RATE": "1000",
            "COLLECTOR_SIMULATE_PORT": "0",
        }
        async with shell(tmp_path, {**ENVIRONMENT, **variables}) as bash:
            runs = (("2026-11-22", "21"), ("2026-11-23", "22"), ("night", "23"))
            for name, last in runs:
                days = f"--from 2026-11-20 --until 2026-11-{last} --window 1d"
                run = f"collector run companies.txt {days} --output output/{name} --quiet; echo $?"
                assert await bash.type(Example(0, run, (), is_last=True)) == "0\n"
            yield bash


@pytest.mark.slow
@pytest.mark.parametrize(("block", "script"), _PLAYED)
async def test_the_commands_of_a_page_run(bash: Shell, block: Block, script: str) -> None:
    """Each line of a block, in a directory with two nights; credentials are set already."""
    script = re.sub(r"^export (?:TRUST|COLLECTOR)_.*$", "", script, flags=re.MULTILINE)
    # It serves until it is interrupted; after a moment it must do so still.
    served = r"timeout --signal=INT 2 \g<0> || [ $? = 124 ]"
    script = re.sub(r"^collector simulate(?:.*\\\n)*.*$", served, script, flags=re.MULTILINE)
    command = f"( set -eo pipefail\n{script}\n); echo ended with $?"
    printed = await bash.type(Example(block.line, command, (), is_last=True))
    code = int(printed.rsplit("ended with ", 1)[1])
    assert code in ({0, 1} if _FAILS_AS_SHOWN.search(script) else {0}), printed


def test_what_is_not_run_has_its_reason() -> None:
    """And something is run."""
    marked = [text for page in _PAGES for _, text, is_marked in _scripts(page) if is_marked]
    assert all(
        re.search(r"docker|uv tool|SLURM|/etc/|ssh|collector check", text) for text in marked
    )
    assert len(_PLAYED) > 20

"""docs/nightly.md played from the installation to the alert.

The commands of the page are run as they are; only the paths of the system are others. Two nights
are two zones whose dates always differ, because no test may set the clock.
"""

import asyncio
import os
import re
import shlex
import stat
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import ENVIRONMENT, OwnApi
from tests.docs.pages import DOCS, blocks, read
from tests.package.ran import ROOT, assert_installed, ran

pytestmark = pytest.mark.package

_TEXT: Final = read(DOCS / "nightly.md")
_BLOCKS: Final = blocks(_TEXT)

_YESTERDAY, _TODAY = "Etc/GMT+12", "Pacific/Kiritimati"
"""26 hours apart: the second night has a later date whatever the time is."""

_COMPANIES: Final = 8


def _block(beginning: str) -> str:
    """Return the block of the page that begins so."""
    (found,) = [block.body for block in _BLOCKS if block.body.startswith(beginning)]
    return str(found)


def _crontab() -> list[str]:
    (crontab,) = [block.body for block in _BLOCKS if block.language == "crontab"]
    lines = [line for line in crontab.splitlines() if re.match(r"[\d*]", line)]
    # cron itself takes the backslash away.
    return [line.split(maxsplit=5)[5].replace(r"\%", "%") for line in lines]


@dataclass
class _Machine:
    """A machine set up as the page says; `opt` is its /opt, `var` its /var, `bin` is on the path.

    `status` is what the API answers with, `total` how many notifications each day has.
    """

    root: Path
    status: int = 200
    total: int = 3
    api: OwnApi = field(init=False)

    def __post_init__(self) -> None:
        self.api = OwnApi(lambda _company, _asked: self.status, total=self._total)
        for directory in (self.bin, self.home, self.etc):
            directory.mkdir(parents=True)

    def _total(self, company: str, days: range) -> int:
        # Windows of a company differ, so that the dates are seen to be honoured.
        return sum(self.total * (int(company) + day % 5) for day in days)

    @property
    def bin(self) -> Path:
        return self.root / "bin"

    @property
    def home(self) -> Path:
        return self.root / "var" / "lib" / "collector"

    @property
    def etc(self) -> Path:
        return self.root / "etc" / "collector"

    def here(self, text: str) -> str:
        """Return commands of the page with the paths of this machine, and without `sudo`."""
        for path in ("/opt/collector", "/var/lib/collector", "/etc/collector", "/usr/local/bin"):
            place = self.bin if path == "/usr/local/bin" else self.root / path[1:]
            text = text.replace(path, str(place))
        return re.sub(r"^sudo ", "", text, flags=re.MULTILINE)

    def install(self) -> None:
        """Run the page's commands of the installation, in a copy of the repository."""
        script = self.here(_block("sudo python3 -m venv /opt/collector"))
        script = script.replace("python3", shlex.quote(sys.executable))
        quiet = {"PIP_QUIET": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        assert_installed(ran("sh", "-ec", script, directory=ROOT, **quiet))

    def set_up(self) -> None:
        """Write settings, companies and credentials of the page, and fakes of the system's mail."""
        settings = _block("# /var/lib/collector/collector.toml")
        credentials = _block("# /etc/collector/credentials.toml")
        settings = settings.replace("rate = 10", "rate = 300")
        assert "rate = 300" in settings
        address = (
            f'base_url = "{self.api.base_url}"\ntoken_url = "{self.api.base_url}/oauth/token/"'
        )
        (self.home / "collector.toml").write_text(f"{settings}{address}\n", encoding="utf-8")
        ids = "".join(f"{number} Company {number}\n" for number in range(1, _COMPANIES + 1))
        (self.home / "companies.txt").write_text(ids, encoding="utf-8")
        secret = self.etc / "credentials.toml"
        secret.touch(mode=stat.S_IRUSR | stat.S_IWUSR)
        secret.write_text(credentials, encoding="utf-8")
        self._program("journalctl", 'echo "what the journal has: $*"')
        self._program("mail", 'echo "mail $*"; cat')

    def _program(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(stat.S_IRWXU)

    async def sh(self, command: str, zone: str = _TODAY) -> tuple[int, str]:
        """Run a command of the page as cron does, and return its exit code and what cron mails.

        All that it prints is mailed. The page's own zone gives way to the zone of the night.
        """
        environment = ENVIRONMENT | {
            "HOME": str(self.home),
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "SHELL": "/bin/sh",
            "COLLECTOR_CREDENTIALS_FILE": str(self.etc / "credentials.toml"),
            "COLLECTOR_QUIET": "true",
            "COLLECTOR_TIMEZONE": zone,
        }
        process = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", self.here(command).replace("America/Santiago", zone)),
            cwd=self.home,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(90):
                printed, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return process.returncode, printed.decode()

    def nights(self) -> list[Path]:
        """Return the run directories, in the order of their names."""
        return sorted((self.home / "output").iterdir())


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> _Machine:
    """Give a machine with the command, installed as the page says."""
    machine = _Machine(tmp_path_factory.mktemp("machine"))
    machine.install()
    return machine


@pytest.fixture
async def machine(installed: _Machine) -> AsyncIterator[_Machine]:
    """Give the machine with its API, and files of the page in their places."""
    async with installed.api.serving():
        installed.set_up()
        yield installed


async def test_nights_of_the_crontab(machine: _Machine) -> None:
    """A good night is silent. A night that fails is told of, made up for, and silent again."""
    collects, collects_again, looks = _crontab()
    check = next(b.body for b in _BLOCKS if "collector check" in b.body and "sudo sh" in b.body)
    code, printed = await machine.sh(check)
    assert code == 0, printed
    assert "honoured" in printed

    # The first night: nothing ran yet, then it is collected, and all is well.
    code, printed = await machine.sh(looks, _YESTERDAY)
    assert "output/" in printed
    assert await machine.sh(collects, _YESTERDAY) == (0, "")
    assert await machine.sh(looks, _YESTERDAY) == (0, "")
    asked = machine.api.asked.total()
    assert await machine.sh(collects_again, _YESTERDAY) == (0, "")
    assert machine.api.asked.total() == asked

    # The second night: each answer is a failure of its cell.
    machine.status = 404
    _, printed = await machine.sh(collects)
    assert printed.splitlines()[-1] == "exit code 8"
    first, second = machine.nights()
    assert second.name in printed
    _, printed = await machine.sh(looks)
    assert second.name in printed
    assert "missing" in printed

    # Three hours later the API is well, and the command makes up for what is missing.
    machine.status = 200
    assert await machine.sh(collects_again) == (0, "")
    assert await machine.sh(looks) == (0, "")
    _, latest = await machine.sh("collector latest output/* --to -")
    assert len(latest.splitlines()) >= 16 * _COMPANIES
    assert first.name < second.name


async def test_a_night_of_zeros_is_told_of(machine: _Machine) -> None:
    """The quiet command warns of it, and the alert rule has what it is about."""
    machine.total = 0
    try:
        run = "collector run companies.txt --last 2d --window 1d --output zeros"
        code, printed = await machine.sh(f"{run} --metrics-file zeros.prom")
    finally:
        machine.total = 3
    assert code == 0
    assert "empty" in printed
    metrics = (machine.home / "zeros.prom").read_text(encoding="utf-8")
    assert re.search(r'collector_cells\{[^}]*state="data"[^}]*\} 0\.0', metrics)


async def test_the_alert_of_systemd_is_sent(machine: _Machine) -> None:
    """What OnFailure= starts sends the end of the journal."""
    unit = _block("# /etc/systemd/system/collector-alert.service")
    (start,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    # systemd itself puts the name of the host in place of %H.
    code, mailed = await machine.sh(start.replace("%H", os.uname().nodename))
    assert code == 0
    subject, *journal = mailed.splitlines()
    assert subject.startswith("mail -s collector failed on ")
    assert subject.endswith(" data@example.com")
    assert journal == [
        "what the journal has: --unit=collector.service --lines=30 --no-pager --output=cat"
    ]

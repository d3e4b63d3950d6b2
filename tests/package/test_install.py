"""The command as people install it: each way in an empty environment, from the repository."""

import re
import sys
from pathlib import Path

import pytest

import collector
from tests.package.ran import ROOT, assert_installed, ran

pytestmark = pytest.mark.package


@pytest.fixture(scope="module")
def installers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the directory of `uv` and `pipx`."""
    place = tmp_path_factory.mktemp("installers")
    assert ran(sys.executable, "-m", "venv", place, directory=place).returncode == 0
    done = ran(place / "bin" / "pip", "install", "--quiet", "uv", "pipx", directory=place)
    assert_installed(done)
    return place / "bin"


@pytest.mark.parametrize("words", [("uv", "tool", "install"), ("pipx", "install")], ids="-".join)
def test_it_is_installed_as_people_do(
    installers: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """It runs the demo, and nothing else is on the path afterwards."""
    bin_, place = tmp_path / "bin", str(tmp_path / "tools")
    variables = {"UV_TOOL_BIN_DIR": str(bin_), "PIPX_BIN_DIR": str(bin_), "HOME": str(tmp_path)}
    variables |= {"UV_TOOL_DIR": place, "PIPX_HOME": place, "UV_PYTHON": sys.executable}
    variables |= {"PIPX_DEFAULT_PYTHON": sys.executable}
    done = ran(installers / words[0], *words[1:], ROOT, directory=tmp_path, **variables)
    assert_installed(done)
    assert [path.name for path in bin_.iterdir()] == ["collector"]
    command = bin_ / "collector"
    done = ran(command, "--version", directory=tmp_path)
    assert (done.stdout, done.returncode) == (f"{collector.__version__}\n", 0)
    options = ("--last", "1d", "--window", "1d", "--rate", "100", "--output", "r")
    done = ran(command, "demo", *options, directory=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_container_gets_what_its_steps_need() -> None:
    """No engine is needed to see that: each file is there, and is not left out."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    left = set((ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines())
    copied = [
        source
        for words in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
        for source in words.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in left, source
    assert re.search(r"^USER 10001$", text, re.MULTILINE)
    assert 'ENTRYPOINT ["tini", "--", "collector"]' in text


def test_the_steps_of_the_container_install_the_command(tmp_path: Path) -> None:
    """As they are in the Dockerfile, in another place than /opt."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    first, *_ = text.split("\nFROM ")[2:]
    build = text.removesuffix(first)
    place = tmp_path / "opt"
    for step in re.findall(r"^RUN (.+)$", build, re.MULTILINE):
        script = step.replace("/opt/collector", str(place)).replace(
            "python -m venv", f"{sys.executable} -m venv"
        )
        done = ran("sh", "-c", script, directory=ROOT)
        assert_installed(done)
    done = ran(place / "bin" / "collector", "--version", directory=tmp_path)
    assert (done.stdout, done.returncode) == (f"{collector.__version__}\n", 0)

"""What the program tells users to install is what it needs, and nothing of strangers."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path
from typing import Any, Final

import pytest

from collector.core.errors import InputError
from collector.core.extras import DISTRIBUTION, needs_extra

_ROOT: Final = Path(__file__).parents[2]
_PROJECT: Final[dict[str, Any]] = tomllib.loads(
    (_ROOT / "pyproject.toml").read_text(encoding="utf-8")
)["project"]

_INSTALL: Final = re.compile(r"(?:(?:pip|pipx|uv tool|uv pip) (?:install|run)|uvx) (.*)")


def _texts() -> Iterator[tuple[str, str]]:
    """Yield each text of the program, and each line of its pages, with its place."""
    for path in (_ROOT / "collector").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for line in node.value.splitlines():
                    yield f"{path.relative_to(_ROOT)}:{node.lineno}", line
    for page in (*_ROOT.glob("*.md"), *(_ROOT / "docs").glob("*.md")):
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            yield f"{page.relative_to(_ROOT)}:{number}", line


def _installed(line: str) -> list[str]:
    """Return what a line tells to install: the words of each command that are no options."""
    found = list[str]()
    for command in _INSTALL.findall(line.replace("`", "\n").replace("#", "\n")):
        words = command.split("\n")[0].replace("'", "").replace('"', "").split()
        found += [word for word in words if not word.startswith("-")]
    return found


def test_no_text_tells_to_install_this_program_from_an_index() -> None:
    """There `collector` is a program of others, and any other name may become one."""
    ours = re.compile(rf"(?:collector|{DISTRIBUTION})(?:\[.*)?$")
    wrong = [
        (place, word) for place, line in _texts() for word in _installed(line) if ours.match(word)
    ]
    assert wrong == []


def test_a_command_that_would_do_so_is_found() -> None:
    """The test before this one sees what it looks for."""
    for line in (
        "install it with: pip install 'collector[report]'",
        '`pip install -U "collector"` does it',
        f"uv tool install {DISTRIBUTION}",
        "pipx install collector",
    ):
        assert any(word.startswith(("collector", DISTRIBUTION)) for word in _installed(line)), line


@pytest.mark.parametrize("extra", _PROJECT["optional-dependencies"])
@pytest.mark.parametrize(
    ("has_pip", "command"),
    [(True, "'/opt/my tools/python' -m pip"), (False, "uv pip install --python '/opt/my tools/")],
)
def test_a_missing_extra_names_its_packages(
    monkeypatch: pytest.MonkeyPatch,
    has_pip: bool,  # noqa: FBT001
    command: str,
    extra: str,
) -> None:
    """All of them, with their versions, as pyproject.toml has them; a shell takes the line.

    They go where this Python looks for them, as `uv tool install` and pipx have made it.
    """
    monkeypatch.setattr(sys, "executable", "/opt/my tools/python")
    monkeypatch.setattr("collector.core.extras.find_spec", lambda _name: True if has_pip else None)
    with pytest.raises(InputError) as caught, needs_extra(extra, "missing"):
        raise ModuleNotFoundError(name="missing.part")
    packages = sorted(_PROJECT["optional-dependencies"][extra])
    said = str(caught.value)
    assert said.startswith(
        f"missing.part is not installed, and this command needs it; install it with: {command}"
    )
    assert said.endswith(" " + " ".join(f"'{package}'" for package in packages))


def test_another_missing_module_is_no_missing_extra() -> None:
    """It is a bug, and shows as one."""
    with pytest.raises(ModuleNotFoundError), needs_extra("export", "duckdb"):
        raise ModuleNotFoundError(name="collector.nothing")


def test_the_distribution_has_a_name_of_its_own() -> None:
    """The command and the package that is imported are `collector`."""
    assert _PROJECT["name"] == DISTRIBUTION
    assert _PROJECT["scripts"] == {"collector": "collector.__main__:main"}
    assert requires(DISTRIBUTION)

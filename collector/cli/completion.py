"""`collector completion`: the script with which a shell completes the command line."""

from typing import Final, Literal, get_args

from collector.cli.app import app
from collector.cli.printing import write
from collector.core.errors import ExitCode
from collector.plan.date_params import DateFormat

__all__ = ["completion", "completion_script"]

Shell = Literal["bash", "zsh", "fish"]


def completion(shell: Shell, /) -> int:
    """Print the script to standard output.

    Parameters
    ----------
    shell
        Which shell is to complete.
    """
    write([completion_script(shell).encode()])
    return ExitCode.COMPLETE


def completion_script(shell: Shell) -> str:
    """Return the script of the command line library, with its defects fixed."""
    return _FIXES[shell](app.generate_completion(prog_name="collector", shell=shell))


def _for_bash(script: str) -> str:
    """Keep blanks in file names, and complete the contents of directories."""
    return f"{_BASH_PATHS}\n{script.replace(_BASH_FILES, '_collector_paths')}"


def _for_zsh(script: str) -> str:
    """Make the script work both when sourced and as a file of $fpath."""
    return f"{script.rstrip()}\n\n{_ZSH_ENTRY}"


def _for_fish(script: str) -> str:
    """Escape the blank in a choice, so that it stays one choice."""
    for choice in get_args(DateFormat):
        script = script.replace(choice, choice.replace(" ", "\\ "))
    return script


_FIXES: Final = {"bash": _for_bash, "zsh": _for_zsh, "fish": _for_fish}

_BASH_FILES: Final = 'COMPREPLY=( $(compgen -f -- "${cur}") )'
"""The library's line: it splits a name at a blank, and adds a blank after a directory."""

_BASH_PATHS: Final = """\
_collector_paths() {
  local path
  COMPREPLY=()
  while IFS= read -r path; do
    COMPREPLY+=("$path")
  done < <(compgen -f -- "$cur")
  # Quotes what needs quotes, and puts a slash behind directories. The bash of macOS lacks it.
  compopt -o filenames 2>/dev/null
}
"""

_ZSH_ENTRY: Final = """\
if [[ ${funcstack[1]} == _collector ]]; then
  _cyclopts_collector "$@"
else
  compdef _cyclopts_collector collector
fi
"""

"""`collector completion`: the script with which a shell completes the command line."""

from typing import Annotated, Final, Literal, get_args

from cyclopts import Parameter

from collector.cli.app import app
from collector.cli.printing import write
from collector.core.errors import ExitCode
from collector.plan.date_params import DateFormat

__all__ = ["completion", "completion_script"]

Shell = Literal["bash", "zsh", "fish"]


def completion(shell: Annotated[Shell, Parameter(show_env_var=False)], /) -> int:
    """Print the script to standard output.

    Parameters
    ----------
    shell
        Which shell is to complete.
    """
    write([completion_script(shell).encode()])
    return ExitCode.COMPLETE


def completion_script(shell: Shell) -> str:
    """Return the script that the command line library makes, mended where it falls short."""
    return _MEND[shell](app.generate_completion(prog_name="collector", shell=shell))


def _for_bash(script: str) -> str:
    """Let names of files keep their blanks, and let directories be gone down into."""
    return f"{_PATHS_OF_BASH}\n{script.replace(_WORDS_OF_BASH, '_collector_paths')}"


def _for_zsh(script: str) -> str:
    """Let the script do both when sourced and as a file of $fpath."""
    return f"{script.rstrip()}\n\n{_BEGIN_OF_ZSH}"


def _for_fish(script: str) -> str:
    """Let a choice with a blank in it be one choice."""
    for choice in get_args(DateFormat):
        script = script.replace(choice, choice.replace(" ", "\\ "))
    return script


_MEND: Final = {"bash": _for_bash, "zsh": _for_zsh, "fish": _for_fish}

_WORDS_OF_BASH: Final = 'COMPREPLY=( $(compgen -f -- "${cur}") )'
"""As the library has it: a name with a blank becomes two, a directory gets a blank behind it."""

_PATHS_OF_BASH: Final = """\
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

_BEGIN_OF_ZSH: Final = """\
if [[ ${funcstack[1]} == _collector ]]; then
  _cyclopts_collector "$@"
else
  compdef _cyclopts_collector collector
fi
"""

"""Keeps what cyclopts finds out about the options of a command, for all the tests of a process.

A process of the collector parses its command line once. Tests in one process parse some thousand
command lines, and cyclopts would look at the fields and types of all options again for each:
25 ms for those of a run, where the rest takes 4 ms. In a process that is forked for a command this
would be half of what most commands take.
"""

from collections.abc import Mapping
from copy import copy
from typing import Any, Final, cast

from cyclopts import App, Parameter
from cyclopts.argument import Argument, ArgumentCollection
from cyclopts.field_info import FieldInfo

from collector.cli.app import app

__all__ = ["keep_arguments", "parse_ahead"]

_LINES: Final = (
    *("run companies.txt", "plan companies.txt", "check companies.txt", "demo companies.txt"),
    *("status run", "diff old new", "latest run", "export run --to a.csv"),
    *("report run --to a.html", "simulate", "help", "completion bash"),
)
"""A command line of each command."""


def parse_ahead() -> None:
    """Parse a command line of each command, without running it, and keep what is found out."""
    keep_arguments()
    for line in _LINES:
        app.parse_args(line)


def keep_arguments() -> None:
    """Let `App.assemble_argument_collection` give copies of what it has made of a function.

    The flags that negate an option are found out once, too, and not for each word of a line.
    """
    _keep_negatives()
    assemble = App.assemble_argument_collection
    made: dict[tuple[Any, ...], ArgumentCollection] = {}

    def kept(
        app: App, *, default_parameter: Parameter | None = None, parse_docstring: bool = False
    ) -> ArgumentCollection:
        key = (
            app.default_command,
            app.app_stack.default_parameter,
            default_parameter,
            parse_docstring,
        )
        if key not in made:
            made[key] = assemble(
                app, default_parameter=default_parameter, parse_docstring=parse_docstring
            )
        return _copied(made[key])

    App.assemble_argument_collection = kept  # type: ignore[assignment, method-assign]


def _keep_negatives() -> None:
    find = cast("property", Argument.negatives).fget
    assert find is not None
    # With what they are made of, which therefore never has the place of another.
    found: dict[tuple[int, int], tuple[Parameter, FieldInfo, tuple[str, ...]]] = {}

    def kept(argument: Argument) -> tuple[str, ...]:
        parameter, info = argument.parameter, argument.field_info
        key = (id(parameter), id(info))
        if key not in found:
            found[key] = (parameter, info, find(argument))
        return found[key][2]

    Argument.negatives = property(kept)  # type: ignore[assignment, method-assign]


def _copied(arguments: ArgumentCollection) -> ArgumentCollection:
    """Copy arguments, so that those that were made stay without the tokens of a command line."""
    copies = {id(argument): _without_tokens(argument) for argument in arguments}
    for each in copies.values():
        each.children = _chosen(each.children, copies)
    return _chosen(arguments, copies)


def _without_tokens(argument: Argument) -> Argument:
    each = copy(argument)
    each.tokens = []
    return each


def _chosen(arguments: ArgumentCollection, copies: Mapping[int, Argument]) -> ArgumentCollection:
    chosen = copy(arguments)
    chosen[:] = [copies[id(argument)] for argument in arguments]
    return chosen

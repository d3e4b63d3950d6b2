"""Keeps what cyclopts finds out about the options of a command, for all the tests of a process.

A process of the collector parses its command line once. Tests in one process parse some thousand
command lines, and cyclopts would look at the fields and types of all options again for each:
25 ms for those of a run, where the rest takes 4 ms.
"""

from collections.abc import Mapping
from copy import copy
from typing import Any

from cyclopts import App, Parameter
from cyclopts.argument import Argument, ArgumentCollection

__all__ = ["keep_arguments"]


def keep_arguments() -> None:
    """Let `App.assemble_argument_collection` give copies of what it has made of a function."""
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

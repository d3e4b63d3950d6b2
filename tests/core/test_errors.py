from itertools import permutations

import pytest

import collector.core.errors
import collector.core.outcome
from collector.core.cell import SERVER_DEFAULT
from collector.core.errors import (
    ClusterError,
    CollectorError,
    CredentialsError,
    DatesError,
    ExitCode,
    InputError,
    LockedError,
    OutageError,
    StoppedError,
    StorageError,
    main_error,
)
from collector.core.outcome import FailureKind

_BUG = ZeroDivisionError("a bug")
_DISK = StorageError("disk full")
_REFUSED = CredentialsError("refused")
_OUTAGE = OutageError("out of reach")
_CLUSTER = ClusterError("out of reach")
_INPUT = InputError("bad")
_LOCKED = LockedError("held")
_IGNORED = DatesError("ignored")


def _group(*errors: BaseException) -> BaseExceptionGroup[BaseException]:
    return BaseExceptionGroup("several", errors)


def test_errors_are_pinned() -> None:
    """Others catch and match these names."""
    assert collector.core.errors.__all__ == [
        "NOT_STARTED",
        "AttributionError",
        "ClusterError",
        "CollectorError",
        "CredentialsError",
        "DatesError",
        "ExitCode",
        "IgnoredDatesError",
        "ImplausibleError",
        "InputError",
        "LockedError",
        "OutageError",
        "ShortageError",
        "StoppedError",
        "StorageError",
        "UnusableError",
        "gravest",
        "main_error",
    ]


def test_models_are_pinned() -> None:
    """The values that all parts share; and all of them exist."""
    assert collector.core.outcome.__all__ == [
        "COUNTERS",
        "DOCUMENTED_ACTIONS",
        "FEWEST_ALIKE",
        "MOST_NAMES",
        "Answer",
        "Blame",
        "Counters",
        "Failure",
        "FailureKind",
        "Meaning",
        "Outcome",
        "all_required",
    ]
    assert all(hasattr(collector.core.outcome, name) for name in collector.core.outcome.__all__)
    assert all(hasattr(collector.core.errors, name) for name in collector.core.errors.__all__)


def test_kinds_of_failures_are_pinned() -> None:
    """They are in `errors.jsonl`, and its readers rely on them."""
    assert [kind.value for kind in FailureKind] == [
        "http",
        "timeout",
        "connection",
        "not_json",
        "api_code",
        "schema",
        "too_large",
        "redirect",
    ]


def test_windows_have_a_text_for_people() -> None:
    """Both days, or that the server chooses."""
    assert str(SERVER_DEFAULT) == "server default"


def test_exit_codes_are_pinned() -> None:
    """Cron, systemd and schedulers act on them."""
    assert {code.name: code.value for code in ExitCode} == {
        "COMPLETE": 0,
        "SOME_FAILED": 1,
        "BAD_INPUT": 2,
        "CREDENTIALS": 3,
        "STOPPED_EARLY": 4,
        "STORAGE": 5,
        "LOCKED": 6,
        "DATES": 7,
        "IMPLAUSIBLE": 8,
        "BUG": 70,
        "SIGHUP": 129,
        "SIGINT": 130,
        "SIGTERM": 143,
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (_INPUT, 2),
        (_REFUSED, 3),
        (_OUTAGE, 4),
        (_CLUSTER, 4),
        (_DISK, 5),
        (_LOCKED, 6),
        (_IGNORED, 7),
    ],
    ids=repr,
)
def test_every_error_carries_its_exit_code(error: CollectorError, code: int) -> None:
    """And its text is what it was given."""
    assert error.exit_code == code
    assert str(error) in {"bad", "refused", "out of reach", "disk full", "held", "ignored"}


def test_every_branch_of_the_tree_has_a_code() -> None:
    """An error without one would end the command line with another error."""
    branches = [_INPUT, _REFUSED, _OUTAGE, _CLUSTER, _DISK, _LOCKED, _IGNORED]
    assert {type(error) for error in branches} <= set(CollectorError.__subclasses__())
    for branch in CollectorError.__subclasses__():
        assert isinstance(branch.exit_code, ExitCode)


@pytest.mark.parametrize(
    ("errors", "main"),
    [
        ([_OUTAGE], _OUTAGE),
        ([_OUTAGE, _DISK], _DISK),
        ([_REFUSED, _DISK, _OUTAGE], _DISK),
        ([_BUG, _DISK, _OUTAGE], _BUG),
        ([_INPUT, _BUG], _BUG),
    ],
)
def test_the_main_error_does_not_depend_on_the_order(
    errors: list[Exception], main: Exception
) -> None:
    """A bug before a disk that refuses before the rest."""
    for order in permutations(errors):
        assert main_error(_group(*order)) is main


def test_among_equals_the_first_one_counts() -> None:
    """It is the one that stopped the others."""
    assert main_error(_group(_REFUSED, _OUTAGE)) is _REFUSED
    assert main_error(_group(_OUTAGE, _REFUSED)) is _OUTAGE


def test_groups_in_groups_are_looked_into() -> None:
    """However deep: the main error is never a group itself."""
    assert main_error(_group(_OUTAGE, _group(_REFUSED, _group(_DISK)))) is _DISK
    assert main_error(_group(_DISK, _group(_OUTAGE, _group(_BUG)))) is _BUG
    assert main_error(_group(_group(_group(_OUTAGE)))) is _OUTAGE


def test_what_is_no_exception_outweighs_what_is_expected() -> None:
    """An interruption from the keyboard is not hidden behind an outage."""
    interrupt = KeyboardInterrupt()
    assert main_error(_group(_OUTAGE, interrupt)) is interrupt


def test_being_stopped_is_no_error_of_the_tree() -> None:
    """Nothing failed: what catches everything that stops a run must not take it for that."""
    assert not issubclass(StoppedError, CollectorError)
    assert issubclass(StoppedError, Exception)

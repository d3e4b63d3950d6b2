"""What `from collector import ...` gives."""

import importlib
import pickle
import subprocess
import sys

import pytest

import collector
from collector import core
from tests.conftest import ENVIRONMENT


def test_exports_are_pinned() -> None:
    """Programs rely on these names; all of them exist, and a notebook completes them."""
    assert collector.__all__ == [
        "AccessToken",
        "AttributionError",
        "CellAnswer",
        "CellCounts",
        "ClientCredentials",
        "ClusterError",
        "CollectorError",
        "Counters",
        "CredentialsError",
        "DatesError",
        "ExitCode",
        "IgnoredDatesError",
        "ImplausibleError",
        "InputError",
        "LockedError",
        "OutageError",
        "RunResult",
        "ShortageError",
        "StorageError",
        "UnreadWarning",
        "UnusableError",
        "__version__",
        "collect",
        "read_answers",
    ]
    for name in collector.__all__:
        assert getattr(collector, name).__class__
    assert dir(collector) == sorted(collector.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = collector.nothing


def test_the_whole_tree_of_errors_is_exported() -> None:
    """Each class of it, and the codes."""
    errors = importlib.import_module(f"{core.__name__}.errors")
    tree = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.CollectorError)
    }
    assert tree | {"ExitCode"} <= set(collector.__all__)
    for name in tree:
        assert getattr(collector, name) is getattr(errors, name)


def test_errors_reach_another_process_whole() -> None:
    """Schedulers send them; a class with a text of its own does not say it twice."""
    for name in collector.__all__:
        error = getattr(collector, name)
        if isinstance(error, type) and issubclass(error, collector.CollectorError):
            sent = pickle.loads(pickle.dumps(error("one line", "another")))  # noqa: S301 - our own
            assert type(sent) is error
            assert sent.lines == ("one line", "another")
            assert str(sent) == "one line\nanother"


def test_importing_it_imports_nothing() -> None:
    """The command does so at each start."""
    code = "import sys; before = {*sys.modules}; import collector; print(*{*sys.modules} - before)"
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], env=ENVIRONMENT, check=True, capture_output=True, text=True
    )
    imported = {
        name
        for name in done.stdout.split()
        if name.partition(".")[0] not in sys.stdlib_module_names
    }
    assert imported == {"collector"}

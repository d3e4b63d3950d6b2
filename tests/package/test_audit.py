import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    """Give the script, which is in no package."""
    spec = spec_from_file_location("audit", Path("requirements/audit.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _known(name: str, *vulnerabilities: str) -> dict[str, Any]:
    vulns = [{"id": id_, "fix_versions": ["2.0"]} for id_ in vulnerabilities]
    return {"name": name, "version": "1.0", "vulns": vulns}


def _unknown(name: str) -> dict[str, Any]:
    return {"name": name, "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "is_bad", "texts"),
    [
        ([_known("a"), _known("b")], False, ["2 packages, 0 known vulnerabilities"]),
        (
            [_known("a", "CVE-1"), _unknown("b")],
            True,
            [
                "b: no data: not found",
                "a 1.0: CVE-1, mended in 2.0",
                "1 packages, 1 known vulnerabilities",
            ],
        ),
    ],
)
def test_vulnerabilities_are_named(
    audit: ModuleType, packages: list[dict[str, Any]], texts: list[str], *, is_bad: bool
) -> None:
    """And packages of which nothing is known."""
    report = audit.report_of(json.dumps({"dependencies": packages}), "")
    assert report == audit.Report(texts, is_bad)


@pytest.mark.parametrize(
    ("output", "errors", "reason"),
    [
        ("", "Traceback\n\nConnectionError: no route to host\n", "no route to host"),
        ("", "", "pip-audit has said nothing"),
        (json.dumps({"dependencies": [_unknown("a"), _unknown("b")]}), "", "no package"),
    ],
)
def test_data_that_cannot_be_reached_are_no_failure(
    audit: ModuleType, output: str, errors: str, reason: str
) -> None:
    """It is said in words: no vulnerability was looked for."""
    report = audit.report_of(output, errors)
    assert not report.is_bad
    assert not report.is_reached
    (text,) = report.texts
    assert text.startswith("skipped: ")
    assert reason in text

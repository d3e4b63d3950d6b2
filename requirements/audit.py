"""Looks for known vulnerabilities of the packages that requirement files name.

`python requirements/audit.py FILE...` ends with 1 if there are any. It ends with 0 and says so when
the data about them cannot be reached, which is no fault of the packages.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

_SECONDS: Final = 300


class Report(NamedTuple):
    """What was found of one file: texts for people, and whether they are of vulnerabilities."""

    texts: Sequence[str]
    is_bad: bool
    is_reached: bool = True


def report_of(output: str, errors: str) -> Report:
    """Return what the output of pip-audit says: its JSON document, or nothing when it has failed.

    A package of which it has no data is named. If that is so of all, the data cannot be reached.
    """
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        *_, reason = ["pip-audit has said nothing", *errors.strip().splitlines()]
        return _unreached(reason)
    unknown = [package for package in packages if "skip_reason" in package]
    if len(unknown) == len(packages):
        return _unreached("it has no package in its index")
    texts = [f"{package['name']}: no data: {package['skip_reason']}" for package in unknown]
    found = [
        f"{package['name']} {package['version']}: {vulnerability['id']}, "
        f"mended in {', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for package in packages
        for vulnerability in package.get("vulns", ())
    ]
    known = f"{len(packages) - len(unknown)} packages, {len(found)} known vulnerabilities"
    return Report([*texts, *found, known], bool(found))


def _unreached(reason: str) -> Report:
    text = f"skipped: the data about vulnerabilities cannot be reached ({reason})"
    return Report([text], is_bad=False, is_reached=False)


def _audited(file: str) -> Report:
    command = (sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes")
    options = ("--requirement", file, "--format", "json", "--progress-spinner", "off")
    try:
        done = subprocess.run(  # noqa: S603 - what is installed with it
            [*command, *options], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return _unreached(f"no answer within {_SECONDS} s")
    return report_of(done.stdout, done.stderr)


def _main(files: Sequence[str]) -> int:
    if find_spec("pip_audit") is None:
        sys.stderr.write("pip-audit is not installed; it is in requirements/dev.txt\n")
        return 2
    is_bad = False
    for file in files:
        report = _audited(file)
        for text in report.texts:
            sys.stdout.write(f"{file}: {text}\n")
        is_bad |= report.is_bad
        if not report.is_reached:
            break
    return int(is_bad)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))

"""docs/json.md: the keys of its tables are those of real documents."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from collector import ClientCredentials, collect
from collector.cli.main import main
from collector.simulator import Simulator, SimulatorSettings
from collector.store.attempt_entry import counts_of
from collector.store.digests import Digests, FileDigest, Link
from collector.telemetry.names import NamesRecord
from collector.telemetry.stats import RunStats
from tests.docs.pages import DOCS, read

_SECTIONS: Final = {
    title.strip(): set(
        re.findall(r"`([^`]+)`", "".join(re.findall(r"^\| (`.*?) \|", body, re.MULTILINE)))
    )
    for title, body in re.findall(
        r"^## (.*?)\n(.*?)(?=^## |\Z)", read(DOCS / "json.md"), re.MULTILINE | re.DOTALL
    )
}
"""The keys in the first column of each table, by the title of the section."""

_DAYS: Final[dict[str, Any]] = {
    "from_date": "2026-10-01",
    "until_date": "2026-10-07",
    "window": "1d",
}


_NAMES: Final = msgspec.to_builtins(
    NamesRecord(fields={"cost": 1}, actions={"SEEN": 1}, new=["cost"], gone=["actions.SEEN"])
)
"""Names that have changed, which takes many runs."""

_DIGESTS: Final = msgspec.to_builtins(
    Digests(
        files={"statistics.jsonl": FileDigest(lines=2001, bytes=9, sha256="", blocks=["0", "1"])},
        previous=[Link(manifest="run.json", started_at="", sha256="")],
    )
)
"""Digests of a file of thousands of lines."""


def _paths(value: object, path: str = "") -> Iterator[str]:
    """Yield the path of each value in a document that is neither an object nor a list."""
    if isinstance(value, dict):
        for key, each in value.items():
            # A dot in a key, as in the name of a file, separates nothing.
            name = key.replace(".", "-")
            yield from _paths(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for each in value:
            yield from _paths(each, f"{path}[]")
    else:
        yield path


def _differences(told: set[str], documents: list[Any]) -> list[str]:
    """Say which keys of the documents the page lacks, and which of the page none of them has."""
    there = {path for document in documents for path in _paths(document)}
    patterns = {path: re.escape(path).replace(r"\*", r"[^.\[]+") for path in told}
    untold = [path for path in there if not any(re.fullmatch(p, path) for p in patterns.values())]
    # The name of an object or a list, above the names of what is in it.
    above = {path for path in told for other in told if other.startswith(f"{path}.")}
    unknown = [
        path
        for path in told - above
        if not any(re.fullmatch(patterns[path], each) for each in there)
    ]
    return [
        *(f"not told: {each}" for each in sorted(untold)),
        *(f"not there: {each}" for each in sorted(unknown)),
    ]


async def _collect(api: Simulator, output: Path, *companies: str, **more: Any) -> Path:  # noqa: ANN401 - see CollectOptions
    result = await collect(
        {company: f"Company {company}" for company in companies},
        credentials=ClientCredentials.of(api.settings.client_id, api.settings.client_secret),
        base_url=api.base_url,
        token_url=api.token_url,
        rate=1000,
        max_attempts=1,
        output=output,
        **_DAYS,
        **more,
    )
    return result.directory


async def _made_runs(there: Path) -> list[Path]:
    """Make two runs that can be compared, and a shard of one against a broken API; damage two."""
    async with Simulator(SimulatorSettings(port=0, deny=("2",))) as api:
        old = await _collect(api, there / "old", "1", "2", "4", "9")
        new = await _collect(api, there / "new", "1", "2", "3", "9")
    lines = (new / "statistics.jsonl").read_text(encoding="utf-8")
    restated = re.sub(r'("total"|"RECEIVED"):(?=[1-9])', r"\1:1", lines)
    (new / "statistics.jsonl").write_text(f"{restated}damaged\n", encoding="utf-8")
    moments: Final = "YYYY-MM-DDThh:mm:ssZ"
    broken = SimulatorSettings(port=0, date_format=moments, ignore_dates=True, share_truncated=0.3)
    more = {"trust_dates": True, "shard": "0/2", "date_format": moments, "timezone": "UTC"}
    async with Simulator(broken) as api:
        part = await _collect(api, there / "part", *"123456", **more)
        with (part / "statistics-00000-of-00002.jsonl").open("a", encoding="utf-8") as stream:
            stream.write('{"company_id":')
        return [old, new, await _collect(api, part, *"123456", **more)]


def _printed(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Any:  # noqa: ANN401 - JSON
    with pytest.raises(SystemExit):
        main([str(argument) for argument in (*arguments, "--json")])
    return json.loads(capsys.readouterr().out)


async def test_every_key_is_on_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And no other one: of manifests, of what the commands print, and of a ping."""
    runs = await _made_runs(tmp_path)
    companies = tmp_path / "companies.txt"
    companies.write_text("1 Andes\n2\n", encoding="utf-8")
    manifests = [json.loads(file.read_text()) for run in runs for file in run.glob("run*.json")]
    entry = manifests[0]["attempts"][0]
    ping = {name: entry[name] for name in counts_of(RunStats(1), None)}
    ping |= {"directory": "", "exit_code": 0, "exit": "", "manifests": {"run.json": ""}}
    ping |= {"names": _NAMES}
    of_manifest = _SECTIONS["run.json"]
    documents = {
        "run.json": [*manifests, {"attempts": [{"names": _NAMES}]}, {"digests": _DIGESTS}],
        "collector status --json": [
            *(_printed(capsys, "status", run) for run in runs),
            {"attempts": [{"names": _NAMES}]},
        ],
        "collector status --json of several directories": [
            _printed(capsys, "status", *runs[:2]),
        ],
        "collector diff --json": [_printed(capsys, "diff", *runs[:2])],
        "collector plan --json": [_printed(capsys, "plan", companies, "--last", "7d")],
        "The body of a ping": [ping, {**ping, "requests": manifests[2]["attempts"][0]["requests"]}],
    }
    assert documents.keys() == _SECTIONS.keys()
    of_attempts = {path for path in of_manifest if path.startswith("attempts[]")}
    told = _SECTIONS | {
        "collector status --json": _SECTIONS["collector status --json"] | of_attempts
    }
    for title, found in documents.items():
        assert _differences(told[title], found) == [], title


def test_a_difference_is_told() -> None:
    """A key that the page lacks, and one that no document has."""
    told = {"a", "a.b", "c[].d", "e.*", "f"}
    assert _differences(told, [{"a": {"b": 1}, "c": [{"d": 1}], "e": {"x": 1}, "f": 0}]) == []
    assert _differences(told, [{"a": None, "c": [], "e": {"x": 1}, "g": 1}]) == [
        "not told: g",
        *sorted(("not there: a.b", "not there: c[].d", "not there: f")),
    ]

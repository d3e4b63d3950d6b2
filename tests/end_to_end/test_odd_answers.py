"""Answers of an odd shape, from a real server to the last command that reads them."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from tests.cli.said import Said, in_this_process
from tests.conftest import Command, Finished, company_lines
from tests.end_to_end.service import Asked, Service, good

_ZEROS = '"total":0,"sended":0,"pending":0,"fails":0,"campaign":0'


def _answer(data: str) -> web.Response:
    text = f'{{"code":200,"data":{data},"message":"Ok"}}'
    return web.Response(text=text, content_type="application/json")


async def _run(command: Command, answers: dict[str, str]) -> Finished:
    """Run for six companies; some have the answers that are given, as the text of their data."""

    def judge(asked: Asked) -> web.Response:
        return _answer(answers[asked.company]) if asked.company in answers else good()

    command.write("companies.txt", company_lines(6))
    async with Service(judge).serving() as service:
        return await service.point(command).run(
            *("run", "companies.txt", "--output", "r", "--trust-dates", "--rate", "100"),
            *("--from", "2026-01-01", "--until", "2026-01-01", "--max-attempts", "1"),
        )


def _kept(command: Command) -> dict[str, str]:
    """Return the text of the statistics of each line, by company."""
    lines = (command.directory / "r/statistics.jsonl").read_text().splitlines()
    return {
        json.loads(line)["company_id"]: line.partition('"statistics":')[2].removesuffix("}")
        for line in lines
    }


def _rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as stream:
        return {row["company_id"]: row for row in csv.DictReader(stream)}


def _report(command: Command, capsys: pytest.CaptureFixture[str]) -> Said:
    """Make a page in this process, which starts the library that draws once for all tests."""
    page = str(command.directory / "o.html")
    return in_this_process("report", capsys)(str(command.directory / "r"), "--to", page)


async def test_a_name_that_occurs_twice_fails_its_cell(command: Command) -> None:
    """In the data or in the actions; the others are answered, and the error says why."""
    finished = await _run(
        command,
        {
            "2": f'{{"total":5,{_ZEROS},"actions":{{}}}}',
            "3": f'{{{_ZEROS},"actions":{{"RECEIVED":1,"\\u0052ECEIVED":2}}}}',
        },
    )
    assert finished.exit_code == 1, finished
    assert set(_kept(command)) == {"0", "1", "4", "5"}
    errors = {line["company_id"]: line for line in command.lines("r/errors.jsonl")}
    assert {company: line["kind"] for company, line in errors.items()} == {
        "2": "schema",
        "3": "schema",
    }
    assert errors["2"]["message"] == "not the documented answer: an object has a name twice"
    assert '"total":5' in errors["2"]["body"]


async def test_a_count_beyond_64_bits_is_kept_and_left_out_of_columns(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line has its digits; every reading command works, and two say which value they lack."""
    huge = "123456789012345678901234567890"
    data = _ZEROS.replace('"total":0', f'"total":{huge}')
    data = f'{{{data},"actions":{{"RECEIVED":18446744073709551616,"CLOSED":3}}}}'
    finished = await _run(command, {"2": data})
    assert finished.exit_code == 0, finished
    assert _kept(command)["2"] == data

    for reading in (
        ("latest", "r"),
        ("status", "r"),
        ("diff", "r", "r"),
        ("diff", "r", "r", "--json"),
    ):
        done = await command.run(*reading)
        assert (done.exit_code, done.stderr) == (0, ""), done
        assert reading[0] != "latest" or data in done.stdout

    said = 'company "2", 2026-01-01: too large for a 64-bit integer, and left out: '
    exported = await command.run("export", "r", "--to", "o.csv")
    assert exported.exit_code == 1, exported
    assert said + '"total, actions.RECEIVED"' in exported.stderr
    rows = _rows(command.directory / "o.csv")
    assert (rows["0"]["total"], rows["2"]["total"], rows["2"]["sended"]) == ("9", "", "0")
    assert (rows["2"]["actions_RECEIVED"], rows["2"]["actions_CLOSED"]) == ("", "3")

    reported = _report(command, capsys)
    assert reported.exit_code == 1, reported
    assert said in reported.stderr
    assert "too large for a 64-bit integer" in (command.directory / "o.html").read_text()


async def test_numbers_that_are_no_counts_fail_their_cells(command: Command) -> None:
    """Fractions, negative numbers and texts; and numbers that no reader of JSON may hold."""
    rest = _ZEROS.removeprefix('"total":0')
    texts = {"1": "5.0", "2": "-1", "3": '"5"', "4": "1e400", "5": "9" * 5000}
    finished = await _run(
        command,
        {company: f'{{"total":{text}{rest},"actions":{{}}}}' for company, text in texts.items()},
    )
    assert finished.exit_code == 1, finished
    assert set(_kept(command)) == {"0"}
    kinds = {line["company_id"]: line["kind"] for line in command.lines("r/errors.jsonl")}
    schema, not_json = dict.fromkeys("123", "schema"), dict.fromkeys("45", "not_json")
    assert kinds == {**schema, **not_json}


async def test_other_spellings_of_no_actions_are_empty_cells_everywhere(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines keep what came; status, export and report read them as empty."""
    answers = {
        "1": f'{{{_ZEROS},"actions":[]}}',
        "2": f'{{{_ZEROS},"actions":null}}',
        "3": f"{{{_ZEROS}}}",
    }
    finished = await _run(command, answers)
    assert finished.exit_code == 0, finished
    assert "(3 data, 3 empty)" in finished.stdout
    kept = _kept(command)
    assert {company: kept[company] for company in answers} == answers

    status = await command.run("status", "r", "--json")
    cells = json.loads(status.stdout)["cells"]
    assert (cells["data"], cells["empty"]) == (3, 3)
    exported = await command.run("export", "r", "--to", "o.csv")
    assert (exported.exit_code, exported.stderr) == (0, "")
    rows = _rows(command.directory / "o.csv")
    assert [rows[company]["total"] for company in "0123"] == ["9", "0", "0", "0"]
    reported = _report(command, capsys)
    assert (reported.exit_code, reported.stderr) == (0, "")


async def test_what_became_of_the_requests_adds_up(command: Command) -> None:
    """502, 429, 404 and an error in a 200 are not "answered"; good answers and the token are."""
    odd: dict[str, Callable[[], web.Response]] = {
        "1": lambda: web.Response(status=502),
        "2": lambda: web.Response(status=502),
        "3": lambda: web.Response(status=429, headers={"Retry-After": "1"}),
        "4": lambda: web.Response(status=404),
        "5": lambda: web.json_response({"code": 500}),
    }

    def judge(asked: Asked) -> web.Response:
        return odd[asked.company]() if asked.company in odd and not asked.before else good()

    command.write("companies.txt", company_lines(30))
    async with Service(judge).serving() as service:
        finished = await service.point(command).run(
            *("run", "companies.txt", "--output", "r", "--trust-dates", "--rate", "100"),
            *("--from", "2026-01-01", "--until", "2026-01-01"),
        )
    assert finished.exit_code == 1, finished
    sent = len(service.asked) + len(service.issued)
    (attempt,) = command.manifest("r")["attempts"]
    requests = attempt["requests"]
    assert sent == requests["sent"] == 30 + 4 + 1
    assert (requests["answered"], requests["refused"], requests["failed"]) == (29 + 1, 1, 4)
    assert "requests  35 sent: 30 answered, 1 rate-limited, 4 failed; 4 retried" in finished.stdout
    assert requests["by_status"] == {"200": 31, "404": 1, "429": 1, "502": 2}

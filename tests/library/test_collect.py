"""`collect` against real servers: its results and its errors."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import FrozenInstanceError
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from collector import (
    CellCounts,
    ClientCredentials,
    CredentialsError,
    DatesError,
    ExitCode,
    IgnoredDatesError,
    InputError,
    LockedError,
    OutageError,
    RunResult,
    StorageError,
    collect,
)
from collector.simulator import Simulator
from tests.library.embedded import DAYS, FAST, TOKEN, cells, there, total

StartApi = Callable[..., Awaitable[Simulator]]
Serve = Callable[..., Awaitable[Any]]
LargestFile = Callable[[int], AbstractContextManager[None]]


async def test_a_run_has_a_result_and_is_resumed(start_api: StartApi, tmp_path: Path) -> None:
    """The second call finds every answer of the first, and sends nothing."""
    service = there(await start_api(empty_share=0))
    output = tmp_path / "run"
    companies = {"17": "Banco del Sur", "18": None}
    first = await collect(companies, output=output, **FAST, **service)
    assert first == RunResult(
        exit_code=ExitCode.COMPLETE,
        error=None,
        cause=None,
        coverage=CellCounts(planned=14, data=14, empty=0, failed=0, missing=0),
        requests=14 + 1 + 4,
        seconds=first.seconds,
        directory=output,
        answers=output / "statistics.jsonl",
        failures=output / "errors.jsonl",
        log=output / "log.jsonl",
        remarks=(),
    )
    assert first.is_complete
    assert first.coverage.answered == len(set(cells(output))) == len(cells(output)) == 14
    assert (output / "run-companies.txt").read_text(encoding="utf-8").endswith("l Sur\n18\n")
    second = await collect(companies, output=str(output), **FAST, **service)
    assert (second.requests, second.coverage) == (0, first.coverage)
    with pytest.raises(FrozenInstanceError):
        second.error = "another"  # type: ignore[misc]


async def test_it_collects_what_the_runs_beside_it_lack(
    start_api: StartApi, tmp_path: Path
) -> None:
    """As the command with --since-last; what cannot be read beside it is a remark."""
    service: dict[str, Any] = {
        **there(await start_api()),
        "rate": 10_000,
        "window": "1d",
        "timezone": "UTC",
    }
    days: dict[str, Any] = {"since_last": True, "at_most": timedelta(days=3)}
    first = await collect(["1", "2"], output=tmp_path / "1", **days, **service)
    assert first.coverage.planned == 6
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "run.json").write_text("{")
    call: dict[str, Any] = {"output": tmp_path / "2", **days, **service}
    second = await collect(["1", "2", "new"], **call)
    assert second.coverage.planned == 1 + 1 + 3
    (remark,) = second.remarks
    assert remark.startswith(f"{tmp_path / 'torn' / 'run.json'}: is damaged")
    again = await collect(["1", "2", "new"], **call)
    assert (again.requests, again.coverage, again.remarks) == (0, second.coverage, ())
    with pytest.raises(InputError, match="--since-last cannot be combined with --last"):
        await collect(["1"], last="2d", **call)


async def test_failed_cells_are_a_result(serve: Serve, tmp_path: Path) -> None:
    """As for the command, which ends with 1; duplicates are a remark."""
    api = await serve(lambda company, _before: 404 if company == "b" else 200, total=total)
    result = await collect(
        ["a", "b", "a"], credentials=TOKEN, base_url=api.base_url, output=tmp_path / "r", **FAST
    )
    assert (result.exit_code, result.error, result.cause) == (ExitCode.SOME_FAILED, None, None)
    assert result.coverage == CellCounts(planned=14, data=7, empty=0, failed=7, missing=0)
    assert not result.is_complete
    assert len(result.failures.read_bytes().splitlines()) == 7
    assert result.remarks == ("companies:3: company a is in line 1 already; dropped",)


async def test_the_deadline_is_a_result(serve: Serve, tmp_path: Path) -> None:
    """As for the command, which ends with 4: the same call resumes the run."""
    api = await serve(lambda _company, _before: 200, total=total)
    call = {"credentials": TOKEN, "base_url": api.base_url, "output": tmp_path / "r", **DAYS}
    # 14 cells in a second would take 10 of them.
    stopped = await collect(["a", "b"], rate=1, deadline=timedelta(seconds=1), **call)
    assert stopped.exit_code is ExitCode.STOPPED_EARLY
    assert stopped.cause is None
    assert stopped.error is not None
    assert stopped.error.startswith("the deadline of 1s has passed")
    assert stopped.coverage.missing > 0
    resumed = await collect(["a", "b"], rate=10_000, **call)
    assert resumed.is_complete


async def test_an_outage_is_a_result(tmp_path: Path) -> None:
    """It names its class; what stopped before the first cell leaves nothing behind."""
    result = await collect(
        ["a"], credentials=TOKEN, base_url="http://127.0.0.1:9", max_outage="1s",
        output=tmp_path / "r", **FAST,
    )  # fmt: skip
    assert (result.exit_code, result.coverage.missing) == (ExitCode.STOPPED_EARLY, 7)
    assert result.cause is not None
    assert issubclass(result.cause, OutageError)
    assert result.error is not None
    assert "127.0.0.1:9" in result.error
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling(), "or a time limit of the caller would be mistaken"


async def test_credentials_that_are_refused_raise(start_api: StartApi, tmp_path: Path) -> None:
    """With what the command would say, and without the secret."""
    service = there(await start_api())
    service["credentials"] = ClientCredentials.of("demo", "another-secret")
    with pytest.raises(CredentialsError) as raised:
        await collect(["a"], output=tmp_path / "r", **FAST, **service)
    assert raised.value.exit_code == 3
    assert "another-secret" not in str(raised.value)
    assert not (tmp_path / "r").exists()


async def test_credentials_come_from_the_environment_or_a_file(
    start_api: StartApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for the command; but not from two places at once."""
    service = there(await start_api())
    given = service.pop("credentials")
    for name in ("TRUST_CLIENT_ID", "TRUST_CLIENT_SECRET", "TRUST_ACCESSTOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CredentialsError, match="TRUST_CLIENT_ID"):
        await collect(["a"], output=tmp_path / "r", **FAST, **service)
    file = tmp_path / "credentials.toml"
    file.write_text('client_id = "demo"\nclient_secret = "demo-secret"\n', encoding="utf-8")
    file.chmod(0o600)
    result = await collect(["a"], output=tmp_path / "r", credentials_file=file, **FAST, **service)
    assert result.is_complete
    monkeypatch.setenv("TRUST_CLIENT_ID", "demo")
    monkeypatch.setenv("TRUST_CLIENT_SECRET", "demo-secret")
    assert (await collect(["a"], output=tmp_path / "s", **FAST, **service)).is_complete
    with pytest.raises(InputError, match="both given"):
        await collect(
            ["a"],
            output=tmp_path / "r",
            credentials=given,
            credentials_file=file,
            **FAST,
            **service,
        )


@pytest.mark.parametrize(
    ("companies", "more", "message"),
    [
        (["1"], {"credentials": "secret"}, "credentials: a str cannot be used; give ClientC"),
        (["1"], {"credentials": {"token": "secret"}}, "credentials: a dict cannot be used"),
        (["1"], {"id_column": "id"}, "id_column is for a companies file"),
        ({"1": "A"}, {"name_column": "name"}, "name_column is for a companies file"),
        ("4892", {}, "4892: there is no such file; check the path (a text is the path of a comp"),
    ],
)
async def test_what_does_not_fit_raises(
    tmp_path: Path,
    companies: Any,  # noqa: ANN401
    more: dict[str, Any],
    message: str,
) -> None:
    """Before anything is sent; no secret is in the text."""
    output = tmp_path / "run"
    given = {"credentials": TOKEN, "base_url": "http://127.0.0.1:1", "output": output, **more}
    with pytest.raises(InputError) as raised:
        await collect(companies, **given)
    assert str(raised.value).startswith(message)
    assert "secret" not in str(raised.value)
    assert not output.exists()


async def test_a_held_directory_raises(serve: Serve, tmp_path: Path) -> None:
    """Also if the other call is in this process."""
    api = await serve(lambda _company, _before: 200, total=total)
    call = {"credentials": TOKEN, "base_url": api.base_url, "output": tmp_path / "r", **DAYS}
    other = asyncio.create_task(collect(["a", "b"], rate=1, **call))
    lock = tmp_path / "r" / "run.lock"
    while not (lock.exists() and lock.stat().st_size):  # noqa: ASYNC110 - a file has no events
        await asyncio.sleep(0.005)
    with pytest.raises(LockedError, match="another run"):
        await collect(["a", "b"], **call)
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other


async def test_ignored_dates_raise(start_api: StartApi, tmp_path: Path) -> None:
    """Nothing is written."""
    service = there(await start_api(ignore_dates=True, empty_share=0))
    with pytest.raises(IgnoredDatesError) as raised:
        await collect(["a", "b"], output=tmp_path / "r", **FAST, **service)
    assert isinstance(raised.value, DatesError)
    assert not (tmp_path / "r").exists()


async def test_a_full_disk_raises(serve: Serve, tmp_path: Path, largest_file: LargestFile) -> None:
    """What the command would warn of is in the notes of the error."""
    api = await serve(lambda _company, _before: 200, total=total)
    companies = [*(str(number) for number in range(40)), "0"]
    with largest_file(4096), pytest.raises(StorageError) as raised:
        await collect(
            companies, credentials=TOKEN, base_url=api.base_url, output=tmp_path / "r", **FAST
        )
    assert raised.value.__notes__[0].startswith("companies:41: company 0 is in line 1")

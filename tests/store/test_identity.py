import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from collector.settings import RunSettings, Service
from collector.store.identity import LOCAL, describe_service, service_differences
from tests.edited_package import edited_package, run_in
from tests.store.made_runs import make_run


def test_a_service_is_what_the_answers_depend_on() -> None:
    """Its address and how its dates are called; how to get in does not matter."""
    settings = RunSettings(
        base_url="https://one.example/api",
        token_url="https://two.example/token",  # noqa: S106 - an address
        credentials_file=Path("keys.toml"),
        from_param="since",
    )
    described = describe_service(settings)
    assert described == {
        "base-url": "https://one.example/api",
        "from-param": "since",
        "until-param": "until_date",
        "date-format": "YYYY-MM-DD",
    }
    other = replace(settings, token_url="https://three.example", credentials_file=None)  # noqa: S106 - likewise
    assert describe_service(other) == described


def test_a_slash_at_the_end_of_an_address_makes_no_other_service() -> None:
    """The same requests are sent."""
    first, second = (RunSettings(base_url=f"https://one.example{end}") for end in ("", "/"))
    assert describe_service(first) == describe_service(second)


def test_services_that_are_the_same_do_not_differ() -> None:
    """Whatever the order of the options."""
    one = {"base-url": "https://one.example", "from-param": "from"}
    assert service_differences(one, dict(reversed(one.items()))) == []


def test_a_difference_of_services_names_the_option_and_both_values() -> None:
    """One text each; an option that was not recorded is said to be so."""
    old = {"base-url": "https://one.example", "from-param": "from"}
    new = {"base-url": "https://two.example", "from-param": "since", "until-param": "until"}
    assert service_differences(old, new) == [
        "--base-url was https://one.example and is now https://two.example",
        "--from-param was from and is now since",
        "--until-param was not given and is now until",
    ]


def test_an_older_record_spelled_days_as_it_was_done_then() -> None:
    """Before there was an option for it; so its run is resumed."""
    old = {"base-url": "https://one.example"}
    assert service_differences(old, {**old, "date-format": "YYYY-MM-DD"}) == []
    assert service_differences(old, {**old, "date-format": "epoch"}) == [
        "--date-format was YYYY-MM-DD and is now epoch"
    ]


_OF_0_1_0 = {
    "base-url": "https://api.trust.lat",
    "from-param": "from_date",
    "until-param": "until_date",
    "date-format": "YYYY-MM-DD",
}
"""What is in the `service` of a `run.json` that 0.1.0 has written with the usual settings."""


def test_the_identity_is_what_run_json_holds() -> None:
    """In the same order. A name that comes or goes here would refuse the runs there are."""
    assert list(describe_service(RunSettings()).items()) == list(_OF_0_1_0.items())
    by_moments = describe_service(RunSettings(date_format="epoch", timezone="America/Santiago"))
    assert list(by_moments.items()) == [
        *{**_OF_0_1_0, "date-format": "epoch"}.items(),
        ("timezone", "America/Santiago"),
    ]


def test_a_zone_that_was_not_given_is_the_machines() -> None:
    """It is recorded by its names, and marked, so that it is not taken for an option."""
    zone = describe_service(RunSettings(date_format="epoch"))["timezone"]
    assert zone == f"{LOCAL}{'/'.join(time.tzname)}"


_OTHERS: dict[str, Any] = {
    "base_url": "https://two.example",
    "from_param": "since",
    "until_param": "to",
    "date_format": "epoch",
    "token_url": "https://three.example",
    "credentials_file": Path("keys.toml"),
    "proxy": "http://proxy.example:3128",
    "ca_file": Path("ca.pem"),
    "until_exclusive": True,
}
"""Another value for each option of the service."""


@pytest.mark.parametrize("name", [field.name for field in fields(Service)])
def test_an_option_is_in_the_identity_or_changes_nothing(name: str) -> None:
    """Other credentials, or another address for tokens, are no reason to refuse a directory."""
    usual = RunSettings()
    other = replace(usual, **{name: _OTHERS[name]})
    is_same = not service_differences(describe_service(usual), describe_service(other))
    assert is_same == (name not in {"base_url", "from_param", "until_param", "date_format"})


_SCRIPT = """
import json, sys
from pathlib import Path
from collector.settings import RunSettings, Service
from collector.store.earlier_attempts import EarlierManifests
from collector.store.files import PartFiles
from collector.store.identity import describe_service
from collector.store.recorded_run import find_runs

old, new = map(Path, sys.argv[1:])
(run,) = find_runs([old])
settings = RunSettings(region="us")
manifests = EarlierManifests(run.plan().plan, describe_service(settings))
earlier = manifests.read(PartFiles(old), [])
print(json.dumps([earlier.is_known, earlier.trouble, len(find_runs([old, new])), settings.region]))
"""


def test_an_option_that_is_added_refuses_no_older_directory(tmp_path: Path) -> None:
    """A later version has one option more; it continues a run of this one, and compares it."""
    runs = [make_run(tmp_path / name) for name in ("old", "new")]
    first = "    base_url: Annotated["
    more = '    region: Annotated[str, Parameter(group=SERVICE)] = "eu"\n    """Where it is."""\n\n'
    edited_package(tmp_path, "settings/service.py", first, more + first)
    assert run_in(tmp_path, _SCRIPT, *map(str, runs)) == [True, "", 2, "us"]

"""Which API is asked, and what is known of its dates."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from collector.core.errors import InputError
from collector.plan.date_params import DateFormat
from collector.settings.addresses import parse_proxy_option, parse_service_url
from collector.settings.parsers import check_parameter_name, converter
from collector.settings.selection import SERVICE

__all__ = ["Api", "Service", "Trust"]

_TOKEN_URL = "https://atenea.trust.lat/oauth/token/"  # noqa: S105 - an address, no password


@dataclass(frozen=True, kw_only=True)
class Api:
    """Which API is asked, and the names and spelling of its dates: what an answer depends on."""

    base_url: Annotated[str, Parameter(converter=converter(parse_service_url), group=SERVICE)] = (
        "https://api.trust.lat"
    )
    """Address of the statistics API."""

    from_param: Annotated[str, Parameter(group=SERVICE, validator=check_parameter_name)] = (
        "from_date"
    )
    """Name of the query parameter for a window's first day."""

    until_param: Annotated[str, Parameter(group=SERVICE, validator=check_parameter_name)] = (
        "until_date"
    )
    """Name of the query parameter for a window's last day."""

    date_format: Annotated[DateFormat, Parameter(group=SERVICE)] = "YYYY-MM-DD"
    """How a day is written in the two date parameters. Formats with a time of day send the first
    and the last second of a window; epoch is in seconds, epoch-ms in milliseconds since 1970."""

    def __post_init__(self) -> None:
        """Raise `InputError` when both dates have the same parameter."""
        if self.from_param == self.until_param:
            raise InputError(
                f"--from-param and --until-param are both {self.from_param}: "
                "one date would take the place of the other; give two names"
            )


@dataclass(frozen=True, kw_only=True)
class Service(Api):
    """How the API is reached, and what is known of its dates."""

    token_url: Annotated[str, Parameter(converter=converter(parse_service_url), group=SERVICE)] = (
        _TOKEN_URL
    )
    """Address that issues access tokens (Atenea)."""

    credentials_file: Annotated[Path | None, Parameter(group=SERVICE)] = None
    """A TOML file with client_id and client_secret, or access_token, that only its owner may
    read. Without it they come from TRUST_CLIENT_ID and TRUST_CLIENT_SECRET, or
    TRUST_ACCESS_TOKEN."""

    proxy: Annotated[
        str | None, Parameter(converter=converter(parse_proxy_option), group=SERVICE)
    ] = None
    """The HTTP proxy for all requests, such as http://proxy.example.com:3128; hosts in no_proxy are
    reached without it. Default: https_proxy, http_proxy and all_proxy of the environment, which may
    carry a user name and a password. The value none ignores them: no proxy is used."""

    ca_file: Annotated[Path | None, Parameter(group=SERVICE)] = None
    """A PEM file with the certificates of the authorities to trust for the API and for a proxy. It
    replaces the authorities that this machine trusts."""

    until_exclusive: Annotated[bool, Parameter(group=SERVICE)] = False
    """Say that the API leaves out the day that is sent as the last one. The collector then sends
    the day after the last day of each window. The result of the verification before a run
    overrides this option."""


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Whether the meaning of the dates is verified."""

    trust_dates: Annotated[bool, Parameter(group=SERVICE)] = False
    """Do not verify that the API honours the dates, neither before the first cell nor during the
    run: for static test servers, and if you know how the API reads dates."""

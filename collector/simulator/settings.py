"""The settings of the embedded API: one type behind the flags, their help and their checks."""

import math
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Annotated, Any, Literal, get_type_hints

from cyclopts import Group, Parameter
from cyclopts.validators import Number

from collector.core.errors import InputError
from collector.plan.date_params import DATE_FORMATS, DateFormat
from collector.settings.parsers import check_finite, converter, parse_count

__all__ = ["SettingsError", "SimulatorSettings"]


class SettingsError(InputError, ValueError):
    """A setting has an invalid value.

    It is an `InputError`, so that the command line shows its text and ends with code 2
    (cyclopts does not wrap what `__post_init__` raises), and a `ValueError`, as callers in Python
    expect.
    """


_SERVER = Group("Server", sort_key=1)
_IDENTITY = Group("Identity", sort_key=2)
_DATA = Group("Data", sort_key=3)
_DATES = Group("Dates", sort_key=4)
_LIMIT = Group("Rate limit", sort_key=5)
_FAULTS = Group("Faults", sort_key=6)
_OUTAGES = Group("Outages", sort_key=7)

_COUNT = converter(parse_count)
_SECONDS = (check_finite, Number(gte=0))
# A thousandth is already absurd; below it the arithmetic of the limits would lose its sense.
_POSITIVE = (check_finite, Number(gte=0.001))
_SHARE = (check_finite, Number(gte=0, lte=1))


def _check_whole(_type: object, value: object) -> None:
    """Refuse fractions, which a flag cannot have: they would make fractions of the counters."""
    if type(value) is not int:
        message = "Must be a whole number."
        raise ValueError(message)


def _check_date_format(_type: object, value: object) -> None:
    """Refuse an unknown format in Python; the command line library does so for the flag."""
    if value not in DATE_FORMATS:
        message = f"Must be one of: {', '.join(DATE_FORMATS)}."
        raise ValueError(message)


_FaultShare = Annotated[float, Parameter(group=_FAULTS, validator=_SHARE)]


@dataclass(frozen=True, kw_only=True)
class SimulatorSettings:
    """How the embedded API behaves; the defaults are a healthy, fast one.

    Every value is checked on construction, by the same validators that check the flags;
    `SettingsError` says what is wrong and what to do.
    """

    host: Annotated[str, Parameter(group=_SERVER)] = "127.0.0.1"
    """Address to listen on. Other machines can reach it only if this is not a loopback one."""

    port: Annotated[
        int, Parameter(group=_SERVER, converter=_COUNT, validator=Number(gte=0, lte=65535))
    ] = 8080
    """Port to listen on; 0 takes any free one."""

    latency: Annotated[float, Parameter(group=_SERVER, validator=_SECONDS)] = 0.0
    """Seconds that every statistics answer takes."""

    jitter: Annotated[float, Parameter(group=_SERVER, validator=_SECONDS)] = 0.0
    """Seconds added to the latency at most, drawn uniformly for every answer."""

    client_id: Annotated[str, Parameter(group=_IDENTITY)] = "demo"
    """The only client id that is given tokens."""

    client_secret: Annotated[str, Parameter(group=_IDENTITY)] = "demo-secret"  # noqa: S105 - fake
    """Its secret. It is fake and protects nothing: never put a real one here."""

    token_life: Annotated[
        int, Parameter(group=_IDENTITY, converter=_COUNT, validator=Number(gte=1, lte=10**9))
    ] = 7200
    """Seconds from the issue of a token to its end."""

    revoke_earlier: Annotated[bool, Parameter(group=_IDENTITY, negative="")] = False
    """A new token revokes the earlier ones, so that two collectors throw each other out."""

    seed: Annotated[
        int, Parameter(group=_DATA, converter=_COUNT, validator=Number(gte=0, lt=2**63))
    ] = 1
    """Which data are made and which requests meet a fault; another seed, other ones."""

    empty_share: Annotated[float, Parameter(group=_DATA, validator=_SHARE)] = 0.1
    """Share of the companies that have no campaigns: every counter is zero."""

    settle_days: Annotated[
        int,
        Parameter(group=_DATA, converter=_COUNT, validator=(_check_whole, Number(gte=0, lte=365))),
    ] = 0
    """Age in days at which the counters of a day are final. Until then they still move, and days
    to come have none; with 0 they never move."""

    today: Annotated[date | None, Parameter(group=_DATES, show_default=False)] = None
    """The server's current day; default: this machine's, read at every request."""

    from_param: Annotated[str, Parameter(group=_DATES)] = "from_date"
    """Query parameter that carries the first day."""

    until_param: Annotated[str, Parameter(group=_DATES)] = "until_date"
    """Query parameter that carries the last day."""

    date_format: Annotated[DateFormat, Parameter(group=_DATES, validator=_check_date_format)] = (
        "YYYY-MM-DD"
    )
    """The one spelling of dates that is read; dates in any other are answered with 400."""

    until_exclusive: Annotated[bool, Parameter(group=_DATES, negative="")] = False
    """The last day is not part of the answer."""

    ignore_dates: Annotated[bool, Parameter(group=_DATES, negative="")] = False
    """Dates are accepted and ignored: every answer is about the last 7 days."""

    rate_limit: Annotated[float | None, Parameter(group=_LIMIT, validator=_POSITIVE)] = None
    """Statistics requests a second that pass; default: no limit."""

    burst: Annotated[
        int, Parameter(group=_LIMIT, converter=_COUNT, validator=Number(gte=1, lte=10**6))
    ] = 1
    """Depth of the bucket: requests that pass at once after a rest. Length of the queue."""

    limit_kind: Annotated[Literal["bucket", "window", "queue"], Parameter(group=_LIMIT)] = "bucket"
    """A token bucket, a counter for every window of the clock, or a queue that delays."""

    limit_window: Annotated[float, Parameter(group=_LIMIT, validator=_POSITIVE)] = 1.0
    """Seconds of one window; it lets rate-limit times limit-window requests pass."""

    limit_status: Annotated[Literal[429, 503], Parameter(group=_LIMIT)] = 429
    """Status of a refused request."""

    retry_after: Annotated[bool, Parameter(group=_LIMIT, negative="")] = False
    """A refusal says in Retry-After, in whole seconds, when the next request could pass."""

    rate_headers: Annotated[bool, Parameter(group=_LIMIT, negative="")] = False
    """Every answer has RateLimit-Limit, -Remaining and -Reset; not with a queue."""

    share_500: _FaultShare = 0.0
    """Share of requests that are answered with 500."""

    share_resets: _FaultShare = 0.0
    """Share of requests whose connection is reset (TCP RST) in place of an answer."""

    share_hangs: _FaultShare = 0.0
    """Share of requests that are never answered."""

    share_truncated: _FaultShare = 0.0
    """Share of answers that break off after half of the body."""

    share_not_json: _FaultShare = 0.0
    """Share of answers that are a maintenance page in HTML, with status 200."""

    down: Annotated[bool, Parameter(group=_OUTAGES, negative="")] = False
    """Every statistics request is answered with 502 and a page in HTML."""

    issuer_down: Annotated[bool, Parameter(group=_OUTAGES, negative="")] = False
    """No token is issued or revoked: 503 and a page in HTML. Tokens issued before stay good."""

    def __post_init__(self) -> None:
        self._check_fields()
        self._check_together()

    def _check_fields(self) -> None:
        """Apply the validators of the flags, so that Python callers meet the same bounds."""
        for name, parameter in _validated_fields():
            value = getattr(self, name)
            try:
                for validator in parameter.validator:
                    validator(type(value), value)
            except ValueError as error:
                flag = f"--{name.replace('_', '-')}"
                raise SettingsError(f"{flag} is {value!r}. {error}") from None

    def _check_together(self) -> None:
        """Check combinations of fields."""
        faults = math.fsum(
            (
                self.share_500,
                self.share_resets,
                self.share_hangs,
                self.share_truncated,
                self.share_not_json,
            )
        )
        if faults > 1:
            raise SettingsError(
                f"The --share-... options add up to {faults:g}, but a request meets one fault at"
                " most: lower them until they add up to 1 or less."
            )
        if not self.host:
            raise SettingsError("--host is empty: name an address, such as 127.0.0.1.")
        if not self.from_param or not self.until_param or self.from_param == self.until_param:
            raise SettingsError(
                "--from-param and --until-param need two different names, such as from_date and"
                f" until_date; they are {self.from_param!r} and {self.until_param!r}."
            )
        if self.limit_kind == "window" and self.rate_limit is not None and self.window_size < 1:
            raise SettingsError(
                f"--rate-limit {self.rate_limit:g} lets no whole request into a window of"
                f" {self.limit_window:g} s: set --limit-window to {1 / self.rate_limit:g} or more."
            )

    @property
    def window_size(self) -> int:
        """Requests that one fixed window lets pass; 0 without a limit."""
        # The product of two decimals may fall just short of the whole number it stands for.
        return math.floor((self.rate_limit or 0.0) * self.limit_window + 1e-9)


@cache
def _validated_fields() -> tuple[tuple[str, Any], ...]:
    """List the fields and their cyclopts `Parameter`, read once."""
    hints = get_type_hints(SimulatorSettings, include_extras=True)
    return tuple((name, hint.__metadata__[0]) for name, hint in hints.items())

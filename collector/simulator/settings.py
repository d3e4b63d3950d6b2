"""The settings of the embedded API: one type behind the flags, their help and their checks."""

import math
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Annotated, Any, Literal, get_type_hints

from cyclopts import Group, Parameter
from cyclopts.validators import Number

from collector.plan.date_params import DateFormat
from collector.settings.parsers import check_finite, converter, parse_count
from collector.simulator.checks import (
    POSITIVE,
    SECONDS,
    SHARE,
    SettingsError,
    check_address,
    check_date_format,
    check_names,
    check_whole,
)

__all__ = ["SimulatorSettings"]


_SERVER = Group("Server", sort_key=1)
_IDENTITY = Group("Identity", sort_key=2)
_DATA = Group("Data", sort_key=3)
_COMPANIES = Group("Companies", sort_key=4)
_DATES = Group("Dates", sort_key=5)
_LIMIT = Group("Rate limit", sort_key=6)
_SPELLING = Group("Spelling", sort_key=7)
_FAULTS = Group("Faults", sort_key=8)
_OUTAGES = Group("Outages", sort_key=9)

_COUNT = converter(parse_count)

_Names = Annotated[
    tuple[str, ...],
    Parameter(group=_COMPANIES, validator=check_names, negative="", show_default=False),
]
_Fields = Annotated[
    tuple[str, ...],
    Parameter(group=_DATA, validator=check_names, negative="", show_default=False),
]
_FaultShare = Annotated[float, Parameter(group=_FAULTS, validator=SHARE)]


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

    latency: Annotated[float, Parameter(group=_SERVER, validator=SECONDS)] = 0.0
    """Seconds that every statistics answer takes."""

    jitter: Annotated[float, Parameter(group=_SERVER, validator=SECONDS)] = 0.0
    """Seconds added to the latency at most, drawn uniformly for every answer."""

    not_ready: Annotated[float, Parameter(group=_SERVER, validator=SECONDS)] = 0.0
    """Seconds from the first request for an answer until it is ready. Earlier requests are answered
    with 202 and Retry-After."""

    client_id: Annotated[str, Parameter(group=_IDENTITY)] = "demo"
    """The only client id that is given tokens."""

    client_secret: Annotated[str, Parameter(group=_IDENTITY)] = "demo-secret"  # noqa: S105 - fake
    """Its secret. It is fake and protects nothing: never put a real one here."""

    token_life: Annotated[
        int, Parameter(group=_IDENTITY, converter=_COUNT, validator=Number(gte=1, lte=10**9))
    ] = 7200
    """Seconds from the issue of a token to its end."""

    revoke_earlier: Annotated[bool, Parameter(group=_IDENTITY)] = False
    """A new token revokes the earlier ones, so that two collectors disturb each other."""

    token_delay: Annotated[float, Parameter(group=_IDENTITY, validator=SECONDS)] = 0.0
    """Seconds from the issue of a token until it is accepted, as if replicas had to learn of it."""

    token_status: Annotated[Literal[200, 201], Parameter(group=_IDENTITY)] = 200
    """Status of an answer with a token."""

    token_type: Annotated[str, Parameter(group=_IDENTITY)] = "Bearer"  # noqa: S105 - no password
    """Type that tokens are said to have. They are accepted as Bearer tokens all the same."""

    expires_in: Annotated[
        float | None, Parameter(group=_IDENTITY, validator=check_finite, show_default=False)
    ] = None
    """Life that tokens are said to have, in seconds; default: the true one. Any number, such as
    0.001."""

    seed: Annotated[
        int, Parameter(group=_DATA, converter=_COUNT, validator=Number(gte=0, lt=2**63))
    ] = 1
    """Which data are made and which requests meet a fault; another seed, other ones."""

    empty_share: Annotated[float, Parameter(group=_DATA, validator=SHARE)] = 0.1
    """Share of the companies that have no campaigns: every counter is zero."""

    settle_days: Annotated[
        int,
        Parameter(group=_DATA, converter=_COUNT, validator=(check_whole, Number(gte=0, lte=365))),
    ] = 0
    """Age in days at which the counters of a day are final. Until then they change, and future
    days have none; with 0 they never change."""

    empty_actions: Annotated[Literal["zeros", "list", "null", "absent"], Parameter(group=_DATA)] = (
        "zeros"
    )
    """The actions of an answer whose counters are all zero: a map of zeros, [], null, or none."""

    lacks_field: _Fields = ()
    """A field that no answer has, as if the API had dropped it; may be repeated."""

    more_field: _Fields = ()
    """A field that each answer has beside the documented ones, with the value 1; may be
    repeated."""

    deny: _Names = ()
    """A company that is always denied, whatever the token; may be repeated."""

    deny_status: Annotated[Literal[302, 401, 403], Parameter(group=_COMPANIES)] = 401
    """Status of a denied request; 302 redirects it to a page for login."""

    duplicate_keys: _Names = ()
    """A company whose data has the key "total" twice; may be repeated."""

    huge: _Names = ()
    """A company whose "total" is beyond 64 bits; may be repeated."""

    today: Annotated[date | None, Parameter(group=_DATES, show_default=False)] = None
    """The server's current day; default: this machine's, read at every request."""

    from_param: Annotated[str, Parameter(group=_DATES)] = "from_date"
    """Query parameter that carries the first day."""

    until_param: Annotated[str, Parameter(group=_DATES)] = "until_date"
    """Query parameter that carries the last day."""

    date_format: Annotated[DateFormat, Parameter(group=_DATES, validator=check_date_format)] = (
        "YYYY-MM-DD"
    )
    """The one spelling of dates that is read; dates in any other are answered with 400."""

    until_exclusive: Annotated[bool, Parameter(group=_DATES)] = False
    """The last day is not part of the answer."""

    ignore_dates: Annotated[bool, Parameter(group=_DATES)] = False
    """Dates are accepted and ignored: every answer is about the last 7 days."""

    rate_limit: Annotated[float | None, Parameter(group=_LIMIT, validator=POSITIVE)] = None
    """Statistics requests per second that are accepted; default: no limit."""

    burst: Annotated[
        int, Parameter(group=_LIMIT, converter=_COUNT, validator=Number(gte=1, lte=10**6))
    ] = 1
    """Depth of the bucket: requests accepted at once after a pause. Length of the queue."""

    limit_kind: Annotated[Literal["bucket", "window", "queue"], Parameter(group=_LIMIT)] = "bucket"
    """A token bucket, a counter for every window of the clock, or a queue that delays."""

    limit_window: Annotated[float, Parameter(group=_LIMIT, validator=POSITIVE)] = 1.0
    """Seconds of one window; it accepts rate-limit times limit-window requests."""

    concurrency_limit: Annotated[
        int | None, Parameter(group=_LIMIT, converter=_COUNT, validator=Number(gte=1))
    ] = None
    """Statistics requests that are processed at once. More are rejected; default: no limit."""

    ban: Annotated[float, Parameter(group=_LIMIT, validator=SECONDS)] = 0.0
    """Seconds for which every request is rejected after one that was beyond a limit."""

    limit_status: Annotated[Literal[403, 420, 429, 503, 509, 529], Parameter(group=_LIMIT)] = 429
    """Status of a rejected request."""

    limit_page: Annotated[bool, Parameter(group=_LIMIT)] = False
    """A rejection is the text "error code: 1015", as a gateway writes it. It is no envelope."""

    retry_after: Annotated[bool, Parameter(group=_LIMIT)] = False
    """A rejection says in Retry-After, in whole seconds, when to send the next request."""

    rate_headers: Annotated[bool, Parameter(group=_LIMIT)] = False
    """Every answer has RateLimit-Limit, -Remaining and -Reset; not with a queue."""

    envelope_errors: Annotated[bool, Parameter(group=_SPELLING)] = False
    """Errors in an envelope come with status 200. Only their "code" tells them from data."""

    bom: Annotated[bool, Parameter(group=_SPELLING)] = False
    """Every JSON text begins with a byte order mark, also that of a token."""

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

    share_401: _FaultShare = 0.0
    """Share of requests that are answered with 401, as if a replica did not know the token."""

    down: Annotated[bool, Parameter(group=_OUTAGES)] = False
    """Every statistics request is answered with 502 and a page in HTML."""

    issuer_down: Annotated[bool, Parameter(group=_OUTAGES)] = False
    """No token is issued or revoked: 503 and a page in HTML. Tokens issued before stay good."""

    redirect_to: Annotated[
        str | None, Parameter(group=_OUTAGES, validator=check_address, show_default=False)
    ] = None
    """Every statistics request is answered with 308 and this Location. It is sent as it is."""

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
                self.share_401,
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
        if self.ban and self.rate_limit is None and self.concurrency_limit is None:
            raise SettingsError(
                f"--ban {self.ban:g} follows a request beyond a limit, and there is none: give"
                " --rate-limit or --concurrency-limit, too."
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

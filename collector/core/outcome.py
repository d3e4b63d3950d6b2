"""The values that travel through the collector.

A `Cell` goes in, an `Outcome` comes back: an `Answer`, or a `Failure` that says why there is
none. An expected failure is a value; exceptions (see `collector.core.errors`) are for what must
stop the whole run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import msgspec
from msgspec.structs import fields

from collector.core.confirmation import CONFIRMED, Confirmation

__all__ = [
    "COUNTERS",
    "DOCUMENTED_ACTIONS",
    "FEWEST_ALIKE",
    "MOST_NAMES",
    "Answer",
    "Blame",
    "Counters",
    "Failure",
    "FailureKind",
    "Meaning",
    "Outcome",
    "all_required",
]


FEWEST_ALIKE: Final = 7
"""Equal answers of a company, in as many windows, that are worth a remark. Two or three windows of
a small company are the same by chance, and users stop reading a remark that comes every night."""

MOST_NAMES: Final = 200
"""Names of undocumented fields, or of actions, that are told apart. With more of them the names are
data, not the schema."""

_Count = Annotated[int, msgspec.Meta(ge=0)]

if TYPE_CHECKING:
    _Actions = dict[str, _Count]
else:
    # What may come; `Counters` then holds a dictionary, whatever came.
    _Actions = dict[str, _Count] | Annotated[list[Any], msgspec.Meta(max_length=0)] | None


class Counters(msgspec.Struct, gc=False):
    """The documented part of an answer's `data`; unknown fields are ignored.

    Its fields are the one list of counters for the check of answers, lines, tables, export and
    diff; the report and the verification of dates choose among them by name. A counter that the
    API documents later is added below `actions`, with the default 0: older lines lack it. The
    other fields are in every line since 0.1.0; a line that lacks one is damaged.

    `actions` may be `[]`, null or absent where all counters are 0: some servers write an empty map
    so. It is then an empty dictionary.
    """

    total: _Count
    sended: _Count
    pending: _Count
    fails: _Count
    campaign: _Count
    # The default is told from a map that came: only where all counters are 0 may it be absent.
    actions: _Actions = cast("dict[str, int]", None)

    def __post_init__(self) -> None:
        """Replace other spellings of an empty map; msgspec turns the error into its own."""
        if not self.actions and type(self.actions) is not dict:
            self.actions = {}
            if any(_numbers(self)):
                raise ValueError("`actions` is no map, but there are counters that are not 0")

    def numbers(self) -> tuple[int, ...]:
        """Return the counters in the order of `COUNTERS`, without the actions."""
        return _numbers(self)

    @property
    def is_empty(self) -> bool:
        """Whether every counter and action is zero."""
        # The total first: nearly every answer that is not empty has one, and every line is asked.
        return not (self.total or any(_numbers(self)) or any(self.actions.values()))


COUNTERS: Final = tuple(name for name in Counters.__struct_fields__ if name != "actions")
"""The names of the counters, in their usual order."""

DOCUMENTED_ACTIONS: Final = ("RECEIVED", "PRESS_ACTION", "CLOSED", "UNKNOWN")
"""The names of actions that the API documents; answers may have others."""

_numbers: Final[Callable[[Counters], tuple[int, ...]]] = attrgetter(*COUNTERS)


def all_required(counters: type[Counters]) -> type[Counters]:
    """Return a type that requires every field, to check an answer of the API against."""
    later = [
        (field.name, field.type)
        for field in fields(counters)
        if field.name != "actions" and not field.required
    ]
    if not later:
        return counters
    made = msgspec.defstruct(counters.__name__, later, bases=(counters,), gc=False, kw_only=True)
    return cast("type[Counters]", made)


class FailureKind(StrEnum):
    """Why a cell has no answer: the closed set behind `kind` in `errors.jsonl`."""

    HTTP = "http"
    """A status other than 200 (redirects have their own kind)."""
    TIMEOUT = "timeout"
    """No whole answer within `--timeout` seconds of passing the gate."""
    CONNECTION = "connection"
    """The connection could not be made, or broke before the whole answer had come."""
    NOT_JSON = "not_json"
    """A 200 whose body is not JSON: an error page, a login form, an empty body."""
    API_CODE = "api_code"
    """A 200 whose envelope carries a `code` other than 200."""
    SCHEMA = "schema"
    """A 200 whose JSON is not the documented envelope, has a name twice, or counters that are not
    counts."""
    TOO_LARGE = "too_large"
    """An answer of more than 1 MiB after decompression; it was cut off."""
    REDIRECT = "redirect"
    """A redirect. It is never followed: the token belongs to the configured origin only."""


class Meaning(Enum):
    """What a failure means for the next request; see `collector.http.meaning`."""

    NOT_READY = auto()
    """The answer is being prepared: the same request is sent again later."""
    UNAUTHORIZED = auto()
    """The token is not accepted, or not for this company."""
    RATE_LIMITED = auto()
    """The request came too early."""
    UNAVAILABLE = auto()
    """A 503 without a hint: the rate is too high, or there is an outage."""
    TRANSIENT = auto()
    """No answer, or one that says that the service has a problem."""
    DENIED = auto()
    """This company is refused; or all are, if others are refused as well."""
    DEFINITIVE = auto()
    """The next answer to this request will be the same."""


class Blame(Enum):
    """To whom a failed try is charged."""

    CELL = auto()
    """To the cell: the try is one of its attempts."""
    RATE = auto()
    """To the rate: the request came too early, while the server accepts others."""
    SERVICE = auto()
    """To the service: it accepts or answers no request at present."""
    LOCAL = auto()
    """To this machine: it lacks file descriptors or the like, or was suspended."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A checked answer.

    `statistics` is the API's `data` as it came, byte for byte but for line breaks between
    values, so that it fits on one line; `counters` is the documented part of it, decoded.
    `requests` is how many requests were sent for it, aiohttp's own resend included.
    `confirmation` says whether it is the answer to this request. `further` has the names of fields
    of `data` that are not documented, 201 at most.
    """

    statistics: bytes
    counters: Counters
    fetched_at: datetime
    requests: int
    confirmation: Confirmation = CONFIRMED
    further: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A try that brought no answer.

    `body` is an excerpt of at most 2 KiB, secrets removed. `requests` is how many requests were
    sent. `meaning` says what it means for the next request, and `retry_after` how many seconds the
    server asks to wait with this one. `blame` says whether the cell itself is charged for it.
    `confirmation` says whether the answer, if there was one, is the answer to this request.
    """

    kind: FailureKind
    status: int | None
    message: str
    body: str | None
    failed_at: datetime
    requests: int
    blame: Blame = Blame.CELL
    confirmation: Confirmation = CONFIRMED
    meaning: Meaning = Meaning.DEFINITIVE
    retry_after: float = 0.0


Outcome = Answer | Failure

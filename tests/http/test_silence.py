from math import inf

import pytest

from collector.core.errors import ExitCode, OutageError, UnusableError
from collector.http.faults import Fault, Nature
from collector.http.silence import Service, Silence

API = Service("https://api.example", "--base-url")
TRANSIENT = Fault("HTTP 502", Nature.TRANSIENT)
UNUSABLE = Fault("certificate expired (see --ca-file)", Nature.UNUSABLE)
LOCAL = Fault("too many open files", Nature.LOCAL)


def silence_after(*faults: Fault, patience: float = 60.0, longest: float = 3600.0) -> Silence:
    """Return the silence of a service to which requests were sent from second 1000 on."""
    silence = Silence(API, patience, longest)
    silence.sent(1000.0)
    for fault in faults:
        silence.failed(fault)
        silence.sent(1020.0)
    return silence


@pytest.mark.parametrize(
    ("faults", "seconds"),
    [
        ((), inf),
        ((TRANSIENT,), inf),
        ((UNUSABLE,), inf),
        ((TRANSIENT, TRANSIENT), 60.0),
        ((UNUSABLE, UNUSABLE), 10.0),
        ((UNUSABLE, TRANSIENT), 60.0),
        ((TRANSIENT, UNUSABLE), 60.0),
        ((LOCAL, LOCAL, LOCAL), inf),
        ((UNUSABLE, LOCAL, UNUSABLE), 10.0),
    ],
)
def test_how_long_the_first_answer_is_waited_for(faults: tuple[Fault, ...], seconds: float) -> None:
    """From the first request on: a minute, or ten seconds if every answer is unusable.

    One failure alone ends nothing, and what this machine lacks is no fault of the server.
    """
    assert silence_after(*faults).first_ends_at == 1000.0 + seconds


def test_less_patience_is_kept() -> None:
    """As a check has, or `--max-outage 2s`."""
    for fault in (TRANSIENT, UNUSABLE):
        assert silence_after(fault, fault, patience=2.0).first_ends_at == 1002.0


def test_after_an_answer_the_wait_for_the_first_is_over() -> None:
    """Whatever comes: then it is an outage like any other, which the controller decides."""
    silence = silence_after(TRANSIENT)
    silence.answered()
    assert silence.last_error is None
    for _ in range(20):
        silence.sent(1100.0)
        silence.failed(UNUSABLE)
    assert silence.first_ends_at == inf
    assert not silence.was_never_answered
    error = silence.error(1400.0)
    assert type(error) is OutageError
    text = "no answer from https://api.example for 5 min; last error: certificate expired"
    assert str(error) == f"{text} (see --ca-file)"


def test_a_pause_that_the_service_asks_for_is_waited_out() -> None:
    """It is there, and says when it will answer; but not for longer than an outage may last."""
    silence = silence_after(TRANSIENT)
    silence.failed(TRANSIENT, paused_until=1300.0)
    assert silence.first_ends_at == 1360.0
    silence.failed(TRANSIENT, paused_until=9000.0)
    assert silence.first_ends_at == 1000.0 + 3600.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (60.3, "60 s"), (119.0, "119 s"), (600.0, "10 min"), (9000.0, "2.5 h")],
)
def test_the_error_names_service_time_and_cause(seconds: float, text: str) -> None:
    """And that a service which throttles everything is there."""
    silence = silence_after(UNUSABLE, TRANSIENT)
    error = silence.error(1000.0 + seconds)
    assert str(error) == f"no answer from https://api.example for {text}; last error: HTTP 502"
    assert error.exit_code is ExitCode.STOPPED_EARLY
    error = silence.error(1000.0 + seconds, is_refusing=True)
    expected = f"https://api.example rate-limited every request for {text}; last error: HTTP 502"
    assert str(error) == expected
    assert silence.last_error == "https://api.example: HTTP 502"


def test_an_unusable_service_is_named_with_the_option_to_look_at() -> None:
    """Raised when it is time, and not before."""
    silence = silence_after(UNUSABLE, UNUSABLE)
    silence.check(1009.9)
    with pytest.raises(UnusableError) as caught:
        silence.check(1010.0)
    # The cause names another option than the address.
    cause = "certificate expired (see --ca-file)"
    text = f"https://api.example cannot be used as it is: {cause}"
    assert str(caught.value) == text
    assert caught.value.exit_code is ExitCode.STOPPED_EARLY


def test_a_service_that_was_asked_nothing_is_not_silent() -> None:
    """Nor is one that failed before this process could send."""
    assert not Silence(API).was_never_answered
    assert not silence_after(LOCAL).was_never_answered
    assert silence_after(TRANSIENT).was_never_answered

from collector import AttributionError, CollectorError, ExitCode
from collector.library.result import error_of
from collector.run.result import End


def test_what_is_no_result_is_raised() -> None:
    """Also an error whose class has a text of its own, and a bug."""
    text = str(AttributionError.of("https://api.example.com"))
    error = error_of(End(ExitCode.DATES, text, AttributionError), ())
    assert type(error) is AttributionError
    assert str(error) == text
    error = error_of(End(ExitCode.BUG, "a bug in the collector"), ())
    assert not isinstance(error, CollectorError)
    assert str(error) == "a bug in the collector"

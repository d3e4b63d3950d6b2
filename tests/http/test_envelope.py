import json
from typing import Any, Final

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.core.outcome import Counters, FailureKind
from collector.http.envelope import Checked, Wrong, check_envelope, check_reply

COUNTERS = ("total", "sended", "pending", "fails", "campaign")
ZEROS: dict[str, Any] = {**dict.fromkeys(COUNTERS, 0), "actions": {}}


def body_of(data: object, **fields: object) -> bytes:
    """Write an envelope around some data."""
    envelope = {"code": 200, "resource": "Statistics", "data": data, "message": "Ok"}
    return json.dumps({**envelope, **fields}).encode()


def body_around(data: str) -> bytes:
    """Write an envelope around the text of some data."""
    return f'{{"code":200,"resource":"Statistics","data":{data},"message":"Ok"}}'.encode()


def with_total(total: str, more: str = "") -> bytes:
    """Write an envelope whose `total` is spelled in a certain way, with more fields after it."""
    return body_around(
        f'{{"total":{total},"sended":0,"pending":0,"fails":0,"campaign":0,"actions":{{}}{more}}}'
    )


def wrong(body: bytes) -> Wrong:
    """Check a body that must not become a result."""
    verdict = check_envelope(body)
    assert isinstance(verdict, Wrong)
    return verdict


def statistics(body: bytes) -> bytes:
    """Check a body that must become a result."""
    verdict = check_envelope(body)
    assert isinstance(verdict, Checked), verdict
    return verdict.statistics


GOOD = body_of({**ZEROS, "total": 6, "sended": 6, "actions": {"RECEIVED": 4, "CLOSED": 1}})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"<!DOCTYPE html><html><body>maintenance</body></html>",
        b"OK",
        GOOD[:-1],
        GOOD[: len(GOOD) // 2],
        GOOD + GOOD,
        GOOD + b"x",
        b"\x00" + GOOD,
        GOOD.decode().encode("utf-16"),
        with_total("NaN"),
        with_total("Infinity"),
        with_total("06"),
        with_total("0x6"),
        with_total("+6"),
        with_total("6."),
        with_total("6", ',"x":NaN'),
        with_total("6", ',"x":-Infinity'),
        with_total("6", ',"x":1e999'),
        with_total("6", ',"x":"\\ud800"'),
        with_total("6", ',"x":"\\udc00\\ud800"'),
        with_total("6", ',"\\ud800":1'),
        with_total("6", ',"x":"\t"'),
        with_total("6", ","),
        GOOD.replace(b"Ok", b"\xff"),
        GOOD.replace(b"CLOSED", b"\xed\xa0\x80"),
        GOOD.replace(b"Ok", b"\xc0\xaf"),
        GOOD.replace(b'"', b"'"),
    ],
)
def test_what_a_strict_reader_refuses_is_not_json(body: bytes) -> None:
    """Pages, halves, NaN, bad UTF-8, lone surrogates: no reader of the output may stumble."""
    verdict = wrong(body)
    assert verdict.kind is FailureKind.NOT_JSON
    assert verdict.message.startswith("the answer is not JSON")
    assert verdict.code is None


@pytest.mark.parametrize("code", ["200", 200.0])
def test_the_same_code_may_be_written_in_other_ways(code: float | str) -> None:
    """As a text, or with a fraction of zero."""
    assert isinstance(check_envelope(body_of(ZEROS, code=code)), Checked)
    verdict = wrong(body_of(ZEROS, code="429"))
    assert (verdict.kind, verdict.code) == (FailureKind.API_CODE, 429)


@pytest.mark.parametrize(
    "body",
    [b"null", b"true", b"6", b'"text"', b"[]", b"{}", b'{"data":{}}', b'{"code":200}']
    + [b'[{"code":200}]', json.dumps(ZEROS).encode()]
    + [body_of(None), body_of([]), body_of({}), body_of(""), body_of(0), body_of([ZEROS])]
    + [
        body_of(ZEROS, code=code)
        for code in (None, True, "ok", "0200", "\uff12\uff10\uff10", 200.5, [200])
    ]
    + [with_total("6").replace(b'"data"', b'"Data"')],
)
def test_json_that_is_not_the_envelope_is_a_wrong_shape(body: bytes) -> None:
    """However well-formed it is."""
    verdict = wrong(body)
    assert verdict.kind is FailureKind.SCHEMA
    assert verdict.message.startswith("not the documented answer")


@pytest.mark.parametrize("name", [*COUNTERS, "actions"])
def test_every_counter_is_needed(name: str) -> None:
    """A missing one is named in the message; actions may be absent where all counters are 0."""
    data = {key: 1 if key == "total" else ZEROS[key] for key in ZEROS if key != name}
    verdict = wrong(body_of(data))
    assert verdict.kind is FailureKind.SCHEMA
    assert name in verdict.message


@pytest.mark.parametrize("name", [*COUNTERS, "an action"])
@pytest.mark.parametrize(
    "value", ["-1", "6.0", "6e0", "0.5", "-0.0", "true", "false", "null", '"6"', "[]", "{}"]
)
def test_a_counter_is_a_count(name: str, value: str) -> None:
    """Negative, fractional, spelled as a float, a text, null: not guessed at; the path is named."""
    marked: dict[str, Any] = (
        {**ZEROS, "actions": {"PRESS_ACTION": "here"}} if name == "an action" else ZEROS
    )
    data: dict[str, Any] = marked if name == "an action" else {**ZEROS, name: "here"}
    verdict = wrong(body_of(data).replace(b'"here"', value.encode()))
    assert verdict.kind is FailureKind.SCHEMA
    assert f"$.{'actions' if name == 'an action' else name}" in verdict.message


@pytest.mark.parametrize("actions", [[0], [[]], "", "x", 0, False, {"RECEIVED": {"web": 1}}])
def test_actions_are_a_map_of_counts(actions: object) -> None:
    """Lists and nested maps are another API."""
    assert wrong(body_of({**ZEROS, "actions": actions})).kind is FailureKind.SCHEMA


@pytest.mark.parametrize("actions", ["[]", "[ ]", "null", None])
def test_other_spellings_of_no_actions_are_accepted_where_all_is_zero(actions: str | None) -> None:
    """The answer is empty and kept as it came; with a counter that is not 0 it is refused."""
    text = ",".join(f'"{name}":0' for name in COUNTERS)
    data = "{" + text + (f',"actions":{actions}' if actions else "") + "}"
    assert check_envelope(body_around(data)) == Checked(data.encode(), Counters(**ZEROS))
    for name in COUNTERS:
        refused = wrong(body_around(data.replace(f'"{name}":0', f'"{name}":1')))
        assert refused.kind is FailureKind.SCHEMA
        assert "actions" in refused.message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"code": 404, "message": "Bad Request", "errors": "no such"}, "Bad Request: no such"),
        ({"code": 500, "message": "Error"}, "Error"),
        ({"code": 429, "message": "", "errors": "slow down"}, "slow down"),
        ({"code": -1, "message": None, "errors": ["a"]}, ""),
        ({"code": 0, "message": {"x": 1}, "errors": 5}, ""),
    ],
)
def test_another_code_in_a_200_is_a_failure_of_its_own(
    fields: dict[str, object], message: str
) -> None:
    """With the code, and with what `message` and `errors` say if they are texts."""
    expected = f"code {fields['code']} in a 200"
    verdict = wrong(body_of(ZEROS, **fields))
    assert verdict.kind is FailureKind.API_CODE
    assert verdict.code == fields["code"]
    assert verdict.message == (f"{expected}: {message}" if message else expected)


def test_another_code_needs_no_data() -> None:
    """The vendor's errors have none."""
    verdict = wrong(b'{"code":404,"resource":"Events","message":"Bad Request","errors":"why"}')
    assert (verdict.kind, verdict.code) == (FailureKind.API_CODE, 404)


@pytest.mark.parametrize(
    "data",
    [
        '{"total":6,"sended":1,"pending":2,"fails":3,"actions":{"RECEIVED":4},"campaign":1}',
        '{"campaign":1,"actions":{"Z":1,"A":2},"fails":0,"pending":0,"sended":0,"total":0}',
        (
            '{"total":6,"sended":0,"pending":0,"fails":0,"actions":{"NEW_ONE":1},"campaign":1,'
            '"x":{"y":[1,null,true,2.50,1E2,-0.0,1e-7]},"\\u0000":"\\u00e9é\\/\\ud83d\\ude00"}'
        ),
        (
            '{"total":18446744073709551616,"sended":123456789012345678901234567890,"pending":0,'
            '"fails":0,"actions":{"RECEIVED":99999999999999999999999999},"campaign":0,"x":-0}'
        ),
        '{ "total" :\t6 ,"sended": 0,"pending":0,"fails":0,"actions":{ },"campaign":0 }',
        '{"total":6,"sended":0,"pending":0,"fails":0,"actions":{},"campaign":0,"t":"\\n\\r\u2028"}',
        '{"tot\\u0061l":6,"sended":0,"pending":0,"fails":0,"actions":{},"campaign":0}',
    ],
    ids=["plain", "order", "unknown", "big", "spaces", "breaks in text", "escaped key"],
)
def test_data_is_kept_byte_for_byte(data: str) -> None:
    """Unknown fields and actions, big and oddly spelled numbers, key order, escapes, spaces."""
    assert statistics(body_around(data)) == data.encode()


@pytest.mark.parametrize(
    "body",
    [
        with_total("6", ',"total":7'),
        with_total("6", ',"total":6'),
        with_total("6", ',"tot\\u0061l":6'),
        with_total("6", ',"actions":{}'),
        with_total("6", ',"x":{"y":[{"a":1,"a":1}]}'),
        with_total("6", ',"x":1,"x":1'),
        GOOD.replace(b'"CLOSED"', b'"RECEIVED"'),
        GOOD.replace(b'{"code": 200', b'{"code": 429, "code": 200'),
        GOOD.replace(b'"data"', b'"data": {}, "data"'),
        GOOD.replace(b'"message"', b'"": "a:b", "": 1, "message"'),
        b'{"code":404,"code":404}',
        b'[{"a":1,"a":2}]',
    ],
)
def test_a_name_that_occurs_twice_in_an_object_is_a_wrong_shape(body: bytes) -> None:
    """Readers differ about the value; so it is, at any depth, before the code is judged."""
    verdict = wrong(body)
    assert verdict.kind is FailureKind.SCHEMA
    assert verdict.message.endswith("has a name twice")
    assert verdict.code is None


@pytest.mark.parametrize(
    "more",
    [
        ',"at":"12:30:01"',
        ',"a:b":{"total":1,"x":[{"total":1},{"total":1}]}',
        ',"x":"\\":\\\\","y":":\\""',
        ',"\\"":1,"\\\\":2,":":3',
    ],
)
def test_colons_in_texts_and_equal_names_in_other_objects_are_fine(more: str) -> None:
    """Only one object with a name twice is ambiguous."""
    assert statistics(with_total("6", more)).decode().endswith(more + "}")


_NAMES: Final = st.sampled_from(
    [r'"a"', r'"\u0061"', r'"b"', r'":"', r'"\":"', r'"\\"', r'"\\\""', '""', '"data"', '"actions"']
)
_WRITTEN: Final = st.recursive(
    st.sampled_from(["0", "-1.5e3", "true", "null", '":"', r'"\":{"', r'"a:b\\"', "[]", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda values: f"[ {','.join(values)}]")
        | st.lists(st.tuples(_NAMES, inner), max_size=4).map(
            lambda members: "{" + " ,".join(f"{name} : {value}" for name, value in members) + "}"
        )
    ),
    max_leaves=12,
)


def _has_unique_names(text: str) -> bool:
    """Read a text with the standard library, and compare all names of each object."""
    is_unique = [True]

    def check(members: list[tuple[str, object]]) -> None:
        is_unique.append(len({name for name, _ in members}) == len(members))

    json.loads(text, object_pairs_hook=check)
    return all(is_unique)


@given(text=_WRITTEN, is_unknown=st.booleans())
def test_repeated_names_are_found_wherever_they_are(*, text: str, is_unknown: bool) -> None:
    """A plain and slow reader finds the same ones."""
    body = with_total("6", f',"x":{text}') if is_unknown else text.encode()
    verdict = check_envelope(body)
    repeats = isinstance(verdict, Wrong) and verdict.message.endswith("has a name twice")
    assert repeats == (not _has_unique_names(text))


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n", "\n\n\r"])
def test_a_printed_body_ends_up_on_one_line(line_break: str) -> None:
    """A blank takes the place of every line break between values, and nothing else changes."""
    data = json.dumps({**ZEROS, "actions": {"RECEIVED": 2}, "text": "a\nb\rc"}, indent=3)
    body = body_around(data).replace(b"\n", line_break.encode())
    body = line_break.encode() + body.replace(b'"data":', b'"data" \n: \r') + line_break.encode()
    expected = data.replace("\n", " " * len(line_break))
    assert statistics(body) == expected.encode()


def test_fields_around_the_data_are_of_no_interest() -> None:
    """Envelopes may grow, shrink, and have their keys in any order and spelling."""
    assert statistics(body_of(ZEROS, page=1, message=None, resource=[{}], errors="x"))
    data = json.dumps(ZEROS)
    assert statistics(f'{{"data":{data},"\\u0063ode":200}}'.encode()) == data.encode()
    assert statistics(f'{{"d\\u0061ta":{data},"code":200}}'.encode()) == data.encode()


@pytest.mark.parametrize("depth", [900, 1020, 5_000, 200_000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_deep_nesting_never_crashes(depth: int, brackets: str) -> None:
    """What is too deep for a reader of the output does not become a result."""
    opening, closing = ("[", "]") if brackets == "[]" else ('{"x":', "}")
    nested = opening * depth + "0" + closing * depth
    for body in (
        with_total("6", f',"deep":{nested}'),
        body_around(nested),
        body_of(ZEROS)[:-1] + f',"deep":{nested}}}'.encode(),
        f'{{"code":500,"message":{nested}}}'.encode(),
    ):
        verdict = check_envelope(body)
        if isinstance(verdict, Checked):
            assert orjson.loads(verdict.statistics)
        else:
            assert verdict.kind in {FailureKind.NOT_JSON, FailureKind.SCHEMA, FailureKind.API_CODE}
        check_reply(500, {}, body, is_cut=False)
    if depth > 1024:
        assert wrong(with_total("6", f',"deep":{nested}')).kind is FailureKind.NOT_JSON


@pytest.mark.parametrize("name", [*COUNTERS, "an action"])
def test_empty_means_that_everything_is_zero(name: str) -> None:
    """One counter or one action is enough to be data."""
    assert check_envelope(body_of(ZEROS)) == Checked(json.dumps(ZEROS).encode(), Counters(**ZEROS))
    zeros = {**ZEROS, "actions": {"RECEIVED": 0, "UNKNOWN": 0}, "news": 5}
    verdict = check_envelope(body_of(zeros))
    assert isinstance(verdict, Checked)
    assert verdict.counters.is_empty
    data = {**zeros, **({"actions": {"A": 0, "B": 1}} if name == "an action" else {name: 1})}
    verdict = check_envelope(body_of(data))
    assert isinstance(verdict, Checked)
    assert not verdict.counters.is_empty


@pytest.mark.parametrize("status", [201, 202, 204, 206, 400, 401, 404, 429, 500, 503])
def test_only_a_200_can_be_an_answer(status: int) -> None:
    """A good body under another status is none; what it says goes into the message."""
    verdict = check_reply(status, {}, GOOD, is_cut=False)
    assert verdict == Wrong(FailureKind.HTTP, f"HTTP {status}: Ok")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"code":404,"message":"Bad Request","errors":"no trust_id"}', ": Bad Request: no trust"),
        (b'{"code":404,"message":"Bad Request"}', ": Bad Request"),
        (b'{"code":404,"message":"\\ud800"}', ""),
        (b'{"code":404,"message":"\xff"}', ""),
        (b'{"error":"invalid"}', ""),
        (b"<html>", ""),
        (b"", ""),
    ],
)
def test_the_vendors_reason_is_in_the_message(body: bytes, message: str) -> None:
    """If the error body has the vendor's form; any other body is left to the excerpt."""
    verdict = check_reply(404, {}, body, is_cut=False)
    assert isinstance(verdict, Wrong)
    assert verdict.kind is FailureKind.HTTP
    assert verdict.message.startswith(f"HTTP 404{message}")
    assert verdict.message.encode()


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399])
def test_every_3xx_is_a_redirect(status: int) -> None:
    """Whatever its body says."""
    verdict = check_reply(status, {}, GOOD, is_cut=False)
    assert isinstance(verdict, Wrong)
    assert verdict.kind is FailureKind.REDIRECT
    assert str(status) in verdict.message


def test_a_cut_answer_is_no_answer() -> None:
    """Even if its beginning would do."""
    verdict = check_reply(200, {}, GOOD, is_cut=True)
    assert isinstance(verdict, Wrong)
    assert verdict.kind is FailureKind.TOO_LARGE


@given(st.binary(max_size=200), st.sampled_from([200, 204, 302, 404, 500]))
@example(b'{"code":1' + b"0" * 400 + b"}", 200)
@example(b'{"code":' + b"1" * 10_000 + b"}", 500)
def test_no_body_whatever_raises(body: bytes, status: int) -> None:
    """Arbitrary bytes get a verdict, with a message that can be written as UTF-8."""
    verdict = check_reply(status, {}, body, is_cut=False)
    assert isinstance(verdict, Wrong)
    verdict.message.encode()


@given(st.data())
def test_no_damaged_body_raises_or_passes_unnoticed(data: st.DataObject) -> None:
    """A byte changed anywhere: what passes all the same is JSON with all counters."""
    body = bytearray(GOOD)
    position = data.draw(st.integers(0, len(GOOD) - 1))
    body[position] = data.draw(st.integers(0, 255))
    verdict = check_envelope(bytes(body))
    if isinstance(verdict, Checked):
        kept = orjson.loads(verdict.statistics)
        assert all(isinstance(kept[name], int) and kept[name] >= 0 for name in COUNTERS)


COUNTS = st.integers(0, 9) | st.integers(0, 2**70) | st.integers(0, 10**300)
TEXTS = st.text(max_size=8)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | TEXTS
    # Floats that every reader rounds alike; the spelling of others is kept as well, see above.
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(
    unknown=st.dictionaries(TEXTS, JSON, max_size=3),
    counters=st.fixed_dictionaries(dict.fromkeys(COUNTERS, COUNTS)),
    actions=st.dictionaries(TEXTS, COUNTS, max_size=4),
    around=st.dictionaries(TEXTS, JSON, max_size=2),
    order=st.randoms(use_true_random=False),
    indent=st.sampled_from([None, 0, 2, "\t"]),
    ascii_only=st.booleans(),
)
def test_whatever_valid_data_comes_is_kept(  # noqa: PLR0913 - what an envelope is made of
    *,
    unknown: dict[str, object],
    counters: dict[str, int],
    actions: dict[str, int],
    around: dict[str, object],
    order: Any,  # noqa: ANN401 - hypothesis does not name the type
    indent: int | str | None,
    ascii_only: bool,
) -> None:
    """Read again by the standard library it is the same, on one line, by orjson as well."""
    fields: list[tuple[str, object]] = [*{**unknown, **counters, "actions": actions}.items()]
    order.shuffle(fields)
    data = dict(fields)
    envelope = {**around, "code": 200, "data": data}
    body = json.dumps(envelope, indent=indent, ensure_ascii=ascii_only).encode()
    verdict = check_envelope(body)
    assert isinstance(verdict, Checked), verdict
    assert json.loads(verdict.statistics) == data
    assert list(json.loads(verdict.statistics)) == list(data)
    assert b"\n" not in verdict.statistics
    assert b"\r" not in verdict.statistics
    assert orjson.loads(b'{"statistics":' + verdict.statistics + b"}")
    assert verdict.counters.is_empty == (not any(counters.values()) and not any(actions.values()))


@pytest.mark.parametrize(
    ("data", "further"),
    [
        (ZEROS, ()),
        ({**ZEROS, "late": 1, "x": {"total": 2, "y": []}}, ("late", "x")),
        (dict.fromkeys(COUNTERS, 0), ()),
        ({**dict.fromkeys(COUNTERS, 0), "late": None}, ("late",)),
        ({**ZEROS, **{f"f{number}": 0 for number in range(500)}}, None),
    ],
    ids=["documented", "more", "no actions", "one in place of actions", "many"],
)
def test_fields_that_are_not_documented_are_named(
    data: dict[str, Any], further: tuple[str, ...] | None
) -> None:
    """Those of `data` itself; 201 at most, for 200 are told apart."""
    verdict = check_envelope(body_of(data))
    assert isinstance(verdict, Checked)
    assert verdict.further == (tuple(f"f{n}" for n in range(201)) if further is None else further)

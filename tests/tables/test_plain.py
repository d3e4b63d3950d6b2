from pathlib import Path

import pytest

from collector.store.lines import LONGEST_LINE, ResultLine
from collector.tables.plain import PlainActions, PlainLine, plain_actions
from tests.store.made_runs import line


def _is_plain(path: Path, text: bytes) -> bool:
    path.write_bytes(text)
    return plain_actions(path, lambda: False) is not None


def test_lines_as_the_collector_writes_them_are_plain(tmp_path: Path) -> None:
    """Whatever is in ids, actions and unknown fields; an empty file, too."""
    path = tmp_path / "file"
    made = [
        line("1", 1, total=2**63 - 1, actions={"": 1, 'x"y\\': 2, "é": 3}),
        line("é\0", None, new={"deep": [None, 1.5, "\ud83d\ude00"]}),
        line(
            "1",
            2,
            data=b'{"actions" : {} , "fails":0,"total":0,"sended":0,"pending":0,"campaign":0}',
        ),
    ]
    assert _is_plain(path, b"".join(made))
    assert all(_is_plain(path, one) for one in made)
    assert _is_plain(path, b"")


def test_the_place_of_a_line_changes_nothing(tmp_path: Path) -> None:
    """Files are read in blocks: the odd line may be the first, the last, or lie across two."""
    path = tmp_path / "file"
    many = [line(str(number), 1) for number in range(2000)]
    assert _is_plain(path, b"".join(many))
    for place in (0, 1, 290, 1000, 1999):
        odd = many[place].replace(b'"total": 0', b'"total":"0"')
        assert not _is_plain(path, b"".join([*many[:place], odd, *many[place + 1 :]]))
    assert not _is_plain(path, b"".join(many)[:-1])


@pytest.mark.parametrize("length", [60_000, 70_000, 2_000_000])
def test_long_lines_are_plain(tmp_path: Path, length: int) -> None:
    """They are longer than what is read at once."""
    assert _is_plain(tmp_path / "file", line("1", 1, x="y" * length) + line("1", 2))


def test_what_is_too_long_for_a_line_is_not_kept(tmp_path: Path) -> None:
    """A file without line breaks must not come into memory as a whole."""
    path = tmp_path / "file"
    with path.open("wb") as stream:
        stream.truncate(100 * LONGEST_LINE)
    assert plain_actions(path, lambda: False) is None


def test_looking_ends_when_no_task_needs_it(tmp_path: Path) -> None:
    """Between two blocks."""
    path = tmp_path / "file"
    path.write_bytes(line("1", 1) * 2000)
    asked: list[None] = []

    def is_stopped() -> bool:
        asked.append(None)
        return len(asked) == 3

    assert plain_actions(path, is_stopped) is None
    assert len(asked) == 3


@pytest.mark.parametrize("place", [0, 1, 100, 1000, 1999])
def test_actions_are_counted_wherever_they_come_and_go(tmp_path: Path, place: int) -> None:
    """One more, one less, none; another order is none of that."""
    path = tmp_path / "file"
    usual = [line(str(number), 1, actions={"A": 1, "b/~": 2}) for number in range(2000)]
    for odd, names, count in [
        ({"b/~": 1, "A": 2}, {"A", "b/~"}, 4000),
        ({"A": 1, "b/~": 2, "late": 3}, {"A", "b/~", "late"}, 4001),
        ({"A": 1}, {"A", "b/~"}, 3999),
        ({}, {"A", "b/~"}, 3998),
        ({"": 1, "x": 2}, {"A", "b/~", "", "x"}, 4000),
    ]:
        made = [*usual[:place], line("x", 1, actions=odd), *usual[place + 1 :]]
        path.write_bytes(b"".join(made))
        assert plain_actions(path, lambda: False) == PlainActions(names, count)


def test_it_knows_the_same_fields_as_lines_do() -> None:
    """Or else a field that lines get later could be odd without being seen."""
    assert PlainLine.__struct_fields__ == ResultLine.__struct_fields__

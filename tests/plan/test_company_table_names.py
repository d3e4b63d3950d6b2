from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.plan.company_table import NameList

_NAMES = st.dictionaries(st.text(), st.text(st.characters(exclude_categories=["Cs"])))


def _list_of(names: Mapping[str, str]) -> Mapping[str, str]:
    listed = NameList()
    for name in names.values():
        listed.append(name)
    return listed.of(tuple(names))


@given(_NAMES)
def test_it_is_a_mapping_of_the_ids_that_have_a_name(names: dict[str, str]) -> None:
    """As a dictionary would be, in the same order; an empty name is none."""
    listed = _list_of(names)
    expected = {company_id: name for company_id, name in names.items() if name}
    assert list(listed.items()) == list(expected.items())
    assert listed == expected
    assert len(listed) == len(expected)
    assert [listed.get(company_id) for company_id in names] == [
        name or None for name in names.values()
    ]


def test_an_id_without_a_name_has_none() -> None:
    """Whether it is one of the companies or not."""
    listed = _list_of({"1": "One", "2": "", "3": "Drei"})
    for company_id in ("2", "4"):
        assert company_id not in listed
        with pytest.raises(KeyError):
            listed[company_id]

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.principals import principals_of, user_of
from indexing.errors import InvalidInput


def asked(**headers):
    return {"headers": [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]}


def principals(value):
    return principals_of(asked(x_groundwork_principals=value))


def test_no_header_is_not_the_same_as_one_that_names_no_one():
    assert principals_of(asked()) is None
    assert principals("") == principals("  ") == ()
    assert user_of(asked()) is None


def test_names_are_separated_by_commas_and_may_hold_one_that_is_encoded():
    assert principals("ann, group:hr,cn=ann%2Cou=hr") == ("ann", "group:hr", "cn=ann,ou=hr")
    assert user_of(asked(x_groundwork_user="ann%40example.com")) == "ann@example.com"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), max_size=5))
def test_any_names_come_back_as_they_were(names):
    assert principals(",".join(quote(name, safe="") for name in names)) == tuple(names)


@pytest.mark.parametrize("value", ["a,,b", ",", "%ff", "caf\u00e9", "a" * 513, ",".join("a" * 1001)])
def test_names_that_cannot_be_meant_are_refused(value):
    with pytest.raises(InvalidInput, match="x-groundwork-principals"):
        principals(value)


@pytest.mark.parametrize("value", ["", "%ff", "u" * 513])
def test_a_user_that_cannot_be_meant_is_refused(value):
    with pytest.raises(InvalidInput, match="x-groundwork-user"):
        user_of(asked(x_groundwork_user=value))

"""Tokens of sequence numbers tell a tenant nothing, and are read by every process of the home and by no one else."""

import base64
import itertools
import sqlite3

import pytest
import sqlite_utils
from hypothesis import given
from hypothesis import strategies as st

from app.access.sequence_tokens import SECRET, TOKEN_CHARACTERS, SequenceTokens
from indexing.catalogue.database import Database
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.home_secrets import SECRET_BYTES, home_secret, last_number_told
from indexing.catalogue.migrations import catalogue_migrations
from indexing.errors import InvalidInput
from indexing.records import Document, Partition
from tests.support.processes import run_code

TOKENS = SequenceTokens(bytes(range(32)))
NUMBERS = st.integers(0, 2**63 - 1)
NAMES = st.text(max_size=20)


@given(tenant=NAMES, seq=NUMBERS)
def test_a_token_is_short_safe_in_urls_and_read_back(tenant, seq):
    for token in (TOKENS.of_write(tenant, seq), TOKENS.of_answer(tenant, seq)):
        assert len(token) == TOKEN_CHARACTERS
        assert token.replace("-", "").replace("_", "").isalnum()
        assert TOKENS.read(tenant, token) == seq
        assert SequenceTokens(bytes(range(32))).read(tenant, token) == seq


@given(seq=NUMBERS)
def test_writes_have_one_token_each_and_answers_another_each_time(seq):
    assert TOKENS.of_write("acme", seq) == TOKENS.of_write("acme", seq)
    assert TOKENS.of_answer("acme", seq) != TOKENS.of_answer("acme", seq)
    assert TOKENS.of_write("acme", seq) != TOKENS.of_write("other", seq)


@given(tenant=NAMES, other=NAMES, seq=NUMBERS)
def test_another_tenants_or_homes_token_is_refused(tenant, other, seq):
    token = TOKENS.of_write(tenant, seq)
    if tenant != other:
        with pytest.raises(InvalidInput, match="not a sequence token of this tenant"):
            TOKENS.read(other, token)
    with pytest.raises(InvalidInput):
        SequenceTokens(bytes(32)).read(tenant, token)


@given(seq=NUMBERS, bit=st.integers(0, 30 * 8 - 1))
def test_a_token_with_any_bit_flipped_is_refused(seq, bit):
    sealed = bytearray(base64.urlsafe_b64decode(TOKENS.of_answer("acme", seq)))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InvalidInput):
        TOKENS.read("acme", base64.urlsafe_b64encode(sealed).decode())


@given(st.text(max_size=64))
def test_any_other_text_is_refused_with_what_is_expected(text):
    with pytest.raises(InvalidInput, match="expected the 'seq' of one of its writes or answers"):
        TOKENS.read("acme", text)


@pytest.mark.parametrize("text", ["A" * 40, "=" * 40, "+" * 40, "é" * 40, "12", "A" * 39 + "="])
def test_texts_of_the_right_shape_are_refused_all_the_same(text):
    with pytest.raises(InvalidInput):
        TOKENS.read("acme", text)


def test_a_number_of_before_there_were_tokens_stands_for_itself_and_any_later_one_is_refused():
    tokens = SequenceTokens(bytes(32), last_number_told=102)
    assert tokens.read("acme", 102) == 102
    for never_told in (103, 2**40):
        with pytest.raises(
            InvalidInput, match=f"min_seq {never_told} is not a number that an earlier version answered"
        ):
            tokens.read("acme", never_told)


def test_a_home_remembers_the_last_number_that_an_earlier_version_told(tmp_path):
    connection = sqlite3.connect(tmp_path / "catalogue.db", isolation_level=None)
    catalogue_migrations.apply(sqlite_utils.Database(connection, execute_plugins=False), stop_before="0013_secrets")
    connection.execute("UPDATE write_sequence SET value = 102")
    connection.close()
    catalogue = Database(tmp_path / "catalogue.db")
    put_documents(catalogue, Partition("acme", "help"), [Document("a", "", "x")])
    assert (catalogue.sequence(), last_number_told(catalogue)) == (103, 102)
    catalogue.close()


def test_order_is_not_to_be_seen():
    tokens = [TOKENS.of_write("acme", seq) for seq in range(1000)]
    assert len(set(tokens)) == 1000
    rising = sum(one < other for one, other in itertools.pairwise(tokens))
    assert 400 < rising < 600
    decoded = [base64.urlsafe_b64decode(token) for token in tokens]
    for place in range(30):
        assert len({one[place] for one in decoded}) > 200  # every byte depends on the number


READ = """
import sys
from pathlib import Path
from app.access.sequence_tokens import SECRET, SequenceTokens
from indexing.catalogue.database import Database
from indexing.catalogue.home_secrets import home_secret
catalogue = Database(Path(sys.argv[1]))
print(SequenceTokens(home_secret(catalogue, SECRET)).read("acme", sys.argv[2]))
catalogue.close()
"""


def test_the_homes_secret_is_made_once_and_shared_by_its_processes(home):
    secret = home_secret(home.catalogue, SECRET)
    assert len(secret) == SECRET_BYTES
    assert home_secret(home.catalogue, SECRET) == secret != home_secret(home.catalogue, "another")
    token = SequenceTokens(secret).of_answer("acme", 7)
    done = run_code(READ, home.catalogue.path, token)
    assert done.stdout == "7\n", done.stderr

"""Whatever a client calls a file, what is kept of it is a name that can be shown, and no path."""

from hypothesis import example, given
from hypothesis import strategies as st

from indexing.uploads.filenames import MAX_FILENAME_CHARS, safe_filename


@given(st.text(max_size=600))
@example("a" * 254 + "\u0344.md")
@example(". . .")
@example("\ud800.txt")
@example("x." + "y" * 300)
def test_any_name_becomes_one_line_that_can_be_shown_and_stays_as_it_is(name):
    kept = safe_filename(name)
    assert 0 < len(kept) <= MAX_FILENAME_CHARS
    assert kept.isprintable()
    assert not set("/\\") & set(kept)
    assert kept not in (".", "..")
    kept.encode()
    assert safe_filename(kept) == kept

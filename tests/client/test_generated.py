"""What is committed of the client is what the generator writes for the API as it is today."""

from client.generator.__main__ import TARGET, generated
from tests.support.api_document import api_document


def test_the_generated_half_is_that_of_today_s_document():
    stale = [name for name, text in generated(api_document()).items() if (TARGET / name).read_text() != text]
    assert stale == [], "run `make client`, and commit what it writes"

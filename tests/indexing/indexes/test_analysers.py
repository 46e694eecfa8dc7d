"""The analyser of a view: one of each language in a process, so that no word is analysed twice."""

import pytest

from indexing.indexes.analysers import AUTO, analyser_of
from indexing.records import Partition

MANUAL, NOTES = Partition("a", "manual"), Partition("a", "notes")


@pytest.mark.parametrize("algorithm", [1, 2])
def test_views_of_a_language_share_its_analyser_and_those_of_another_do_not(algorithm):
    assert analyser_of("german", algorithm) is analyser_of("german", algorithm)
    assert analyser_of("german", algorithm) is not analyser_of("english", algorithm)
    assert analyser_of("german", algorithm) is not analyser_of("german", 3 - algorithm)


def test_collections_share_those_of_their_languages():
    one = analyser_of(AUTO, 2, {MANUAL: "german", NOTES: "english"})
    other = analyser_of(AUTO, 2, {NOTES: "german"})
    assert one.of(MANUAL) is other.of(NOTES) is analyser_of("german", 2)
    assert one.of(NOTES) is analyser_of("english", 2)
    assert other.of(MANUAL) is analyser_of("none", 2)

"""Samples are those of the smallest hashes, and a question is a piece of a passage's own text."""

from indexing.builds.leg_samples import LEAST, MOST, choose_samples, question_of
from indexing.builds.placement import PlacedDocument
from indexing.builds.plan import ShardPlan
from indexing.catalogue.documents import DocumentKey
from indexing.records import Partition

OURS = Partition("a", "x")


def plan(names, rows=1, partition=OURS):
    return ShardPlan("s", [PlacedDocument(DocumentKey(partition, n, f"content of {n}", "r"), rows) for n in names])


def keys(sampled):
    return {one.key for one in sampled.samples}


def test_a_collection_has_one_sample_a_hundred_passages_within_bounds():
    for rows, wanted in ((1, 1), (29, 29), (31, LEAST), (2_999, LEAST), (5_000, 50), (40_000, MOST)):
        (sampled,) = choose_samples([plan(["one"], rows)], 1).values()
        assert (len(sampled.samples), len(sampled.field)) == (wanted, min(rows, MOST))
        assert len(keys(sampled)) == wanted


def test_a_document_that_comes_changes_few_samples_and_moving_shards_changes_none():
    names = [f"d{n:04}" for n in range(400)]
    before = choose_samples([plan(names)], 1)[OURS]
    split = choose_samples([plan(names[:150]), plan(names[150:])], 1)[OURS]
    assert keys(before) == keys(split)
    assert split.plans == [0, 1]
    after = choose_samples([plan([*names, "d9999"])], 1)[OURS]
    assert len(keys(before) - keys(after)) <= 1


def test_a_sample_is_found_where_it_stands():
    other = plan(["p", "q"], 3, Partition("a", "w"))
    mixed = ShardPlan("s", [*other.documents, *plan(["one", "two"], 2).documents])
    sampled = choose_samples([mixed], 1)[OURS]
    assert sorted(one.row for one in sampled.samples) == [6, 7, 8, 9]
    assert {one.row: one.document_rows for one in sampled.samples}[9] == range(8, 10)


def test_another_recipe_or_a_collection_of_another_size_has_other_keys():
    few, many = [f"d{n}" for n in range(40)], [f"d{n}" for n in range(250)]
    assert not keys(choose_samples([plan(few)], 1)[OURS]) & keys(choose_samples([plan(few)], 2)[OURS])
    assert not keys(choose_samples([plan(few)], 1)[OURS]) & keys(choose_samples([plan(many)], 1)[OURS])


def test_a_sample_is_asked_anew_where_its_own_collection_has_another_language_and_not_where_another_has():
    plans = [plan(["a", "b", "c"])]
    english, other, german = ({OURS: "english"}, {OURS: "english", Partition("t", "other"): "thai"}, {OURS: "german"})
    asked = [keys(choose_samples(plans, 1, one)[OURS]) for one in (english, other, german)]
    assert asked[0] == asked[1]
    assert not asked[0] & asked[2]


def test_a_question_is_the_longest_sentence_and_the_rest_is_what_is_left():
    text = "A short one stands first. The longest sentence of all asks for the rest of it. And a third one ends it."
    asked = question_of(text, "Title")
    assert asked.sentence == "The longest sentence of all asks for the rest of it."
    assert "longest" not in asked.rest
    assert asked.rest.startswith("A short one")
    assert asked.rest.endswith("ends it.")
    assert asked.words == asked.sentence


def test_of_a_long_sentence_twelve_words_of_its_middle_are_asked():
    words = [f"word{number}" for number in range(20)]
    assert question_of(f"{' '.join(words)}.", "Title").words.split() == words[4:16]


def test_a_passage_of_one_sentence_is_asked_by_its_title_or_by_itself():
    text = "Only one sentence stands in this passage and no other."
    assert question_of(text, "The title").sentence == "The title"
    assert question_of(text, "The title").rest == text
    assert (question_of(text, "").sentence, question_of(text, "").rest) == (text, "")
    assert question_of("", "").sentence == ""


def test_a_passage_without_stops_or_title_asks_by_one_half_for_the_other():
    text = "คู่มือนี้อธิบายวิธีเริ่มเซิร์ฟเวอร์ใหม่หลังจากขัดข้องและตำแหน่งที่เก็บบันทึกของระบบทั้งหมด"
    asked = question_of(text, "")
    assert asked.sentence + asked.rest == text


def test_words_of_a_script_without_spaces_are_a_piece_from_the_middle():
    text = "快速入门指南说明了如何在崩溃后重新启动服务器以及日志的保存位置和保存时间的设置方法。"
    asked = question_of(text, "")
    assert asked.words in text[5:-5]
    assert len(asked.words) == len(text) - 2 * (len(text) // 4)

"""The language of a text is told from a sentence, and none where there is none."""

import pytest

from indexing.indexes.languages import NAMES, UNKNOWN, analyser_language, language_name, language_of

TEXTS = {
    "en": "The guide explains how to restart the server after a crash and where its logs are kept.",
    "de": "Diese Anleitung erklärt, wie man den Server nach einem Absturz wieder in Gang bringt.",
    "ar": "يشرح الدليل كيفية إعادة تشغيل الخادم بعد العطل ومكان حفظ السجلات.",
    "fa": "این راهنما توضیح می‌دهد که چگونه سرور را پس از خرابی دوباره راه‌اندازی کنید.",
    "th": "คู่มือนี้อธิบายวิธีเริ่มเซิร์ฟเวอร์ใหม่หลังจากขัดข้อง",
    "zh": "本指南说明了如何在崩溃后重新启动服务器。",
    "ja": "このガイドでは、サーバーを再起動する方法を説明します。",
    "ko": "이 안내서는 서버를 다시 시작하는 방법을 설명합니다.",
    "my": "ဤလမ်းညွှန်သည် ဆာဗာကို ပြန်လည်စတင်နည်းကို ရှင်းပြသည်။",
}


@pytest.mark.parametrize("code", TEXTS)
def test_a_sentence_is_enough(code):
    assert language_of(TEXTS[code]) == code
    assert language_of(TEXTS[code] * 100) == code


@pytest.mark.parametrize("text", ["", "   ", "123 456 789", "0x7f 0x80", "\ud800"])
def test_what_is_no_language_is_unknown(text):
    assert language_of(text) == UNKNOWN


def test_a_language_has_a_name_and_the_analyser_s_language_follows_from_it():
    assert language_name("ar") == "Arabic"
    assert language_name(UNKNOWN) == "an unknown language"
    assert language_name("tlh") == "tlh"
    assert analyser_language("de") == "german"
    assert analyser_language("uk") == analyser_language(UNKNOWN) == "none"
    assert len(set(NAMES.values())) == len(NAMES)

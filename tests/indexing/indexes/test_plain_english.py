"""English is told by its small words where it is beyond doubt, and the detector is not loaded for it."""

import pytest

from indexing.indexes import languages
from indexing.indexes.languages import language_of
from indexing.indexes.plain_english import is_plain_english

ENGLISH = (
    "The guide explains how to restart the server after a crash and where its logs are kept.",
    "increased, and it was approximately constant at any given exit pressure ratio of the nozzle .",
    "PDGF\u03b1(+) cells, but not those of the control, were found in all but one of the mice that had been fed.",
    "If you want to add a contact, open the menu and choose what you need; then wait until it is done.",
)
OTHERS = {
    "de": "Wenn du willst, kann man die alten Daten mit dem neuen Server auch ohne Stop in die Cloud laden.",
    "nl": "Als je wilt kun je de oude server met de nieuwe verbinden en dan ook nog wat van de data zien.",
    "es": "El servidor se puede reiniciar con esta orden y los registros se guardan en la carpeta de la casa.",
    "pt": "O servidor pode ser reiniciado com este comando e os registros ficam na pasta que foi escolhida.",
    "it": "Il server si riavvia con questo comando e i registri sono nella cartella che hai scelto per loro.",
    "fr": "Le serveur redémarre avec cette commande et les journaux sont dans le dossier que vous avez choisi.",
    "id": "Server dapat dimulai ulang dengan perintah ini dan catatan itu disimpan di dalam folder yang sama.",
    "da": "Serveren kan startes igen med den kommando, og alle filer er i den mappe, som man har valgt for dem.",
    "sv": "Servern kan startas om med det kommandot och alla filer finns i den mapp som man har valt till dem.",
    "pl": "Serwer uruchamia się ponownie tym poleceniem, a dzienniki są w folderze, który został wybrany.",
    "sw": "Seva inaweza kuanzishwa tena kwa amri hii na kumbukumbu zake huhifadhiwa katika folda hiyo hiyo.",
    "af": "Die bediener kan met hierdie opdrag weer begin word en die joernale is in die gids wat jy kies.",
    "tl": "Maaaring simulan muli ang server gamit ang utos na ito at ang mga tala ay nasa parehong folder.",
    "el": "Ο διακομιστής ξεκινά πάλι με αυτή την εντολή και τα αρχεία του βρίσκονται στον ίδιο φάκελο.",
    "zh": "本指南说明了如何在崩溃后重新启动服务器。",
}
TELLS_NOTHING = ("", "layer .", "| API requests | 60 | 300 |", "const a = require('crypto');", "fair .", "0x7f 0x80")


@pytest.fixture
def _no_detector(monkeypatch):
    def refuse():
        raise AssertionError("the detector was loaded")

    monkeypatch.setattr(languages, "detector", refuse)


@pytest.mark.parametrize("text", ENGLISH)
@pytest.mark.usefixtures("_no_detector")
def test_english_is_told_without_the_detector(text):
    assert is_plain_english(text) is True
    assert language_of(text) == language_of(text * 50) == "en"


@pytest.mark.parametrize("code", OTHERS)
def test_no_other_language_passes_for_english(code):
    assert not is_plain_english(OTHERS[code])
    assert not is_plain_english(OTHERS[code] * 20)
    assert language_of(OTHERS[code] * 3, lambda: OTHERS[code] * 6) == code


@pytest.mark.parametrize("code", sorted(OTHERS.keys() - {"sw", "af", "tl"}))  # of which we have no small words
def test_a_text_in_another_language_amid_english_is_not_english(code):
    assert is_plain_english(OTHERS[code]) is False
    assert language_of(OTHERS[code] * 2, lambda: ENGLISH[0] * 9) == code


@pytest.mark.parametrize("text", TELLS_NOTHING)
@pytest.mark.usefixtures("_no_detector")
def test_what_tells_nothing_is_in_the_language_around_it(text):
    assert is_plain_english(text) is None
    assert language_of(text, lambda: f"{ENGLISH[0]} {text} {ENGLISH[3]}") == "en"


def test_what_stands_around_is_not_asked_where_the_text_tells():
    def refuse():
        raise AssertionError("asked")

    assert language_of(ENGLISH[0], refuse) == "en"
    assert language_of(OTHERS["de"], refuse) == "de"

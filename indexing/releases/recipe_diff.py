"""What differs between two recipes, field by field, and as sentences."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from indexing.records import Json
from indexing.releases.recipes import Recipe

_NAMES = {
    "model": "the model",
    "reranker": "the reranker",
    "passage": "passages",
    "embedding": "vectors",
    "lexical": "lexical terms",
    "conversation": "the conversation view",
    "retrieval": "retrieval",
    "approximation": "approximate search",
    "reranking": "the second pass",
    "shard_rows": "passages of a shard",
}
"""What people call the parts of a manifest; others are called as they stand there."""
_ABSENT = "none"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one part that two recipes have otherwise; ``None`` where a recipe does not have it.

    ``field`` is empty where the part is a single value, or only one of both has it.
    """

    part: str
    field: str
    before: Json
    after: Json

    @property
    def sentence(self) -> str:
        """It in plain words."""
        name = _NAMES.get(self.part, self.part.replace("_", " "))
        before, after = _said(self.before), _said(self.after)
        if self.field:
            return f"{name}: {self.field} {before} -> {after}"
        return f"{name} changed from {before} to {after}"


def recipe_differences(before: Recipe, after: Recipe) -> list[Difference]:
    """Every field in which two recipes differ, in the order of their manifests; empty for equal ones."""
    one, other = _parts(before), _parts(after)
    return [found for part in {**one, **other} for found in _differences(part, one.get(part), other.get(part))]


def _parts(recipe: Recipe) -> dict[str, Json]:
    """A recipe's manifest with its views by kind."""
    manifest = dict(recipe.manifest)
    views = {view["kind"]: {k: v for k, v in view.items() if k != "kind"} for view in manifest.pop("views")}
    if "conversation" in manifest:
        views["conversation"] = {k: v for k, v in manifest.pop("conversation").items() if k != "kind"}
    return {"model": manifest.pop("model"), **views, **manifest}


def _differences(part: str, before: Json, after: Json) -> Iterator[Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for field in {**before, **after}:
            if before.get(field) != after.get(field):
                yield Difference(part, field, before.get(field), after.get(field))
    elif before != after:
        yield Difference(part, "", before, after)


def _said(value: Json) -> str:
    """A value as a sentence has it: a view by its name, anything else as it is."""
    if value is None:
        return _ABSENT
    if isinstance(value, Mapping) and {"name", "version"} <= value.keys():
        return f"{value['name']}@{value['version']}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_said(one)}" for name, one in value.items())
    if isinstance(value, list):
        return f"[{', '.join(map(_said, value))}]"
    return str(value)

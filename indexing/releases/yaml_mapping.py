"""YAML that people write to say what shall be, as a mapping in which no key is lost."""

from typing import TYPE_CHECKING

import yaml

from indexing.errors import InvalidInput
from indexing.records import Json

if TYPE_CHECKING:
    from yaml import SafeLoader as _YamlLoader
else:
    _YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_YamlLoader):
    """Plain YAML, but for a key that stands twice in one mapping: of two limits the last would win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """The mapping."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                where = f"line {key.start_mark.line + 1}"
                raise yaml.constructor.ConstructorError(problem=f"{key.value[:40]!r} stands there twice ({where})")
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def read_mapping(text: str, source: str, *, holds: str, example: str) -> dict[str, Json]:
    """The mapping that a YAML text holds.

    Args:
        text: The whole text.
        source: How messages name it.
        holds: What it is expected to hold, as in "holds no policy".
        example: What a message shows where the text has another form altogether.

    Raises:
        InvalidInput: it is not YAML, says a key twice, or holds something else.
    """
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidInput(f"{source} is not YAML: {' '.join(str(error).split())}. Expected:\n{example}") from error
    if not isinstance(value, dict):
        raise InvalidInput(f"{source} holds no {holds}. Expected:\n{example}")
    return value

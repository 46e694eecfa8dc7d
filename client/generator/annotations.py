"""The Python type of a schema: as an answer has it, and as an argument takes it."""

from collections.abc import Callable
from dataclasses import dataclass

from client.generator.document import Schema, class_name

PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
"""JSON Schema's types without parts."""


@dataclass(frozen=True, slots=True)
class Annotations:
    """Writes types.

    Answers are lenient: a choice that a later version adds must not break a client, so that ``Literal`` stands there
    beside ``str``. Arguments are strict, and take any sequence or mapping.
    """

    is_answer: bool
    prefix: str = ""
    """What stands before a component's name: ``answers.``, ``bodies.``, or nothing in the module itself."""

    def of(self, schema: Schema) -> str:
        """The type of a schema, as source."""
        for key, write in self._writers().items():
            if key in schema:
                return write(schema)
        return self._typed(schema)

    def _writers(self) -> dict[str, Callable[[Schema], str]]:
        return {
            "$ref": lambda schema: self.prefix + class_name(schema["$ref"].rpartition("/")[2]),
            "anyOf": lambda schema: self._choice(schema["anyOf"]),
            "oneOf": lambda schema: self._choice(schema["oneOf"]),
            "const": lambda schema: self._literal([schema["const"]]),
            "enum": lambda schema: self._literal(schema["enum"]),
        }

    def _choice(self, schemas: list[Schema]) -> str:
        written = dict.fromkeys(self.of(schema) for schema in schemas)
        return " | ".join([*(one for one in written if one != "None"), *(one for one in written if one == "None")])

    def _literal(self, values: list[object]) -> str:
        literal = f"Literal[{', '.join(map(repr, values))}]"
        return f"{literal} | str" if self.is_answer and all(isinstance(value, str) for value in values) else literal

    def _typed(self, schema: Schema) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            return self._choice([{**schema, "type": one} for one in kind])
        if kind == "array":
            return self._array(schema)
        if kind == "object":
            values = schema.get("additionalProperties")
            inner = self.of(values) if isinstance(values, dict) else "Any"
            return f"dict[str, {inner}]" if self.is_answer else f"Mapping[str, {inner}]"
        if kind == "string" and schema.get("format") == "binary":
            return "FileInput"
        if kind == "string" and schema.get("format") == "date-time":
            return "datetime" if self.is_answer else "datetime | str"
        return PLAIN[kind] if kind else "Any"

    def _array(self, schema: Schema) -> str:
        if "prefixItems" in schema:
            return f"tuple[{', '.join(self.of(one) for one in schema['prefixItems'])}]"
        inner = self.of(schema.get("items", {}))
        return f"list[{inner}]" if self.is_answer else f"Sequence[{inner}]"

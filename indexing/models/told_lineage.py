"""What a person tells of a model's origin at its registration: a file and options, checked before it is compiled."""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from indexing.errors import InvalidInput
from indexing.models.compiler import Lineage
from indexing.records import Json

_SHA256 = re.compile("[0-9a-f]{64}")
_CODE = re.compile("[a-z]{2,3}|multilingual")
_TEXTS = ("parent", "licence", "code_version")
_TABLES = ("training_data", "parameters", "metrics")
_LANGUAGES = "languages"
_FIELDS = (*_TEXTS, *_TABLES, _LANGUAGES)


def read_lineage(path: Path) -> Lineage:
    """The lineage that a JSON file tells.

    Raises:
        InvalidInput: it is no JSON, or a field is unknown or not as it must be.
    """
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is not valid JSON ({error}): correct it and run the command again.") from error
    if not isinstance(value, dict):
        raise InvalidInput(f"{path} is not a lineage: expected an object with some of {', '.join(_FIELDS)}.")
    if unknown := sorted(value.keys() - set(_FIELDS)):
        raise InvalidInput(f"{path}: the field {unknown[0]!r} is unknown: expected some of {', '.join(_FIELDS)}.")
    for name in _TEXTS:
        if not isinstance(value.get(name), str | None):
            raise InvalidInput(f"{path}: {name} {value[name]!r} is invalid: expected a text.")
    for name in _TABLES:
        if not isinstance(value.get(name, {}), dict):
            raise InvalidInput(f"{path}: {name} {value[name]!r} is invalid: expected an object.")
    languages = value.get(_LANGUAGES, [])
    if not isinstance(languages, list) or not all(isinstance(one, str) for one in languages):
        raise InvalidInput(f'{path}: languages {languages!r} is invalid: expected a list of codes such as ["en"].')
    return require_lineage(Lineage(**{**value, _LANGUAGES: tuple(languages)}))


def require_lineage(lineage: Lineage) -> Lineage:
    """Let a lineage on whose training data are named by sha256, whose metrics are numbers, and whose languages codes.

    Raises:
        InvalidInput: one is not.
    """
    for code in lineage.languages:
        if not _CODE.fullmatch(code):
            raise InvalidInput(f"The language {code!r} is invalid: expected a code of ISO 639, such as en or ar.")
    for name, digest in lineage.training_data.items():
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise InvalidInput(
                f"The training data {name!r} have {digest!r}: expected their sha256, 64 hexadecimal digits, never the"
                " data themselves."
            )
    for name, metric in lineage.metrics.items():
        if isinstance(metric, bool) or not isinstance(metric, int | float) or not math.isfinite(metric):
            raise InvalidInput(f"The metric {name!r} is {metric!r}: expected a finite number, such as 0.71.")
    for name, parameter in lineage.parameters.items():
        if not isinstance(parameter, str | int | float | bool | None):
            raise InvalidInput(f"The parameter {name!r} is {parameter!r}: expected a text, a number or a truth value.")
    return lineage


def with_choices(
    lineage: Lineage,
    *,
    parent: str | None,
    licence: str | None,
    code_version: str | None,
    training_data: Iterable[Path],
    parameters: Mapping[str, str],
    metrics: Mapping[str, str],
    languages: Sequence[str] = (),
) -> Lineage:
    """A lineage with what options say, which counts more than what it said before.

    Of training data the sha256 is taken. Metrics are numbers; a parameter is what it is as JSON, else a text.

    Raises:
        InvalidInput: a metric is no number, or a language no code.
    """
    told = replace(
        lineage,
        parent=parent or lineage.parent,
        licence=licence or lineage.licence,
        code_version=code_version or lineage.code_version,
        training_data={**lineage.training_data, **{str(path): _sha256(path) for path in training_data}},
        parameters={**lineage.parameters, **{name: _scalar(text) for name, text in parameters.items()}},
        metrics={**lineage.metrics, **{name: _scalar(text) for name, text in metrics.items()}},
        languages=tuple(languages) or lineage.languages,
    )
    return require_lineage(told)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _scalar(text: str) -> Json:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, int | float | bool) else text

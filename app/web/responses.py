"""Answers that name what served them."""

from collections.abc import Mapping

from fastapi import Response
from pydantic import BaseModel
from pydantic_core import to_json

from indexing.records import Json


def served_by(
    release: str,
    snapshot: str,
    answer: BaseModel | Mapping[str, Json] | list[Json],
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer that names what served it in its headers, beside others; to be made where it was found."""
    return json_answer(answer, {"x-release-id": release, "x-snapshot-id": snapshot, **(headers or {})})


def json_answer(
    answer: BaseModel | Mapping[str, Json] | list[Json], headers: Mapping[str, str] | None = None
) -> Response:
    """An answer that is not checked against its model once more."""
    return Response(to_json(answer, inf_nan_mode="null"), media_type="application/json", headers=headers)

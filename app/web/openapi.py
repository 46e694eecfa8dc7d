"""The OpenAPI document: as FastAPI makes it of the routes, but for what it adds that no route answers."""

from typing import Any

from fastapi import FastAPI

from app.web.problem_shapes import is_openai


class Application(FastAPI):
    """An application whose document promises no 422 where OpenAI's shapes are spoken: what is malformed is 400 there.

    FastAPI adds 422 to each route that takes anything.
    """

    def openapi(self) -> dict[str, Any]:
        """See ``FastAPI``; made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            for path, operations in document["paths"].items():
                for operation in operations.values() if is_openai(path) else ():
                    operation["responses"].pop("422", None)
        return super().openapi()

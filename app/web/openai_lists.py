"""What OpenAI's lists are asked for: how many, in which order, behind or before which object."""

from typing import Annotated

from fastapi import Depends, Path, Query

from app.schemas.openai_files import Order
from indexing.catalogue.pages import Page

MAX_PAGE = 100
"""Objects of one page. Source: OpenAI's."""
StoreIdParam = Annotated[
    str, Path(description="The id of a vector store: a collection's name.", json_schema_extra={"minLength": 1})
]
"""The id of a vector store in a path."""
FileIdParam = Annotated[str, Path(description="The id of a file.", json_schema_extra={"minLength": 1})]
"""The id of a file in a path."""
AfterParam = Annotated[str | None, Query(description="The last id of the page before.")]
"""Behind which object a page begins."""


async def _page(
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many at most.")] = 20,
    order: Order = "desc",
    after: AfterParam = None,
    before: Annotated[str | None, Query(description="The first id of the page after.")] = None,
) -> Page:
    return Page(limit, after, before, is_ascending=order == "asc")


PageParam = Annotated[Page, Depends(_page)]
"""The page that a query string asks for."""

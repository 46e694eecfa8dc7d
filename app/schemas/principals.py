"""Principals on the wire: users, groups and roles that may see a document, or ask for it."""

from typing import Annotated, TypeAlias

from pydantic import StringConstraints

from indexing.catalogue.api_keys import MAX_PRINCIPAL_CHARACTERS

MAX_PRINCIPALS = 1_000
"""Names that may see one document, or that one search may ask for."""
Principals: TypeAlias = list[Annotated[str, StringConstraints(min_length=1, max_length=MAX_PRINCIPAL_CHARACTERS)]]
"""Their names; how many is said where they stand."""

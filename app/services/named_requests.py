"""Which row of the ledger a caller names: a query id counts only for the tenant that it was given to."""

from uuid import UUID

from app.access.authentication import Caller
from app.ledger.query_ids import QUERY_ID_CHARACTERS, QueryIds
from indexing.errors import InvalidInput
from indexing.ledger.ids import find_ledger_id


def named_ledger_id(query_ids: QueryIds, caller: Caller, text: str) -> UUID | None:
    """The ledger id that ``text`` writes or, as a query id, holds; ``None`` for anything else.

    A query id that was made up, or given to another tenant, is told by its tag: nothing need be looked up. An operator
    may name every tenant's, and whose one is, its row says.
    """
    if caller.is_operator or len(text) != QUERY_ID_CHARACTERS:
        return find_ledger_id(text)
    try:
        return query_ids.read(caller.tenant, text)
    except InvalidInput:
        return None

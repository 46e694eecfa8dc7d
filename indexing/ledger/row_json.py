"""A row of the ledger as JSON, for people and programs: the command line and the API show the same."""

from dataclasses import asdict

from indexing.ledger.feedback import FeedbackRow
from indexing.ledger.ids import moment_of
from indexing.ledger.records import RequestRow
from indexing.records import Json, moment_text


def row_json(row: RequestRow) -> dict[str, Json]:
    """A row with all that it holds; its moment, ``at``, stands first."""
    fields = asdict(row)
    fields["id"] = str(row.id)
    fields["shadow_of"] = None if row.shadow_of is None else str(row.shadow_of)
    for name in ("principals", "hits", "warnings"):
        fields[name] = None if fields[name] is None else list(fields[name])
    return {"at": moment_text(moment_of(row.id)), **fields}


def feedback_json(row: FeedbackRow) -> dict[str, Json]:
    """Feedback with all that it holds; its query by the ledger id."""
    moments = {"at": moment_text(row.at), "received_at": moment_text(row.received_at)}
    return {**asdict(row), **moments, "query_id": str(row.query_id), "kind": row.kind}

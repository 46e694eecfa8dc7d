"""Searches and feedback as a collector of traces is told them: by the names of OpenTelemetry's conventions.

Source: semantic-conventions@7b0c0fe1e, docs/gen-ai (spans, events), and @384d66161, docs/feature-flags.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from app.retrieval.hits import Result
from app.services.request_records import SHADOW, RequestRecord
from app.tracing.operations import Attribute, Event, Operation, current_trace
from indexing.ledger.feedback import FeedbackRow
from indexing.records import canonical_json

PROVIDER = "groundwork"
"""Who retrieves and encodes: models run in this process."""
MEASURED_AS = "gen_ai.client.operation.duration"
"""The histogram of searches and encodings."""
_MAX_DOCUMENTS = 100
"""Documents that are told of one search at most, where any are; our choice."""


@dataclass(frozen=True, slots=True)
class TracedSearches:
    """Notes what became of searches and feedback in the trace of the request being answered, if there is one.

    ``tells_texts`` says whether questions, documents and comments go along, of tenants that allow it;
    ``version_of`` gives the version of an open rollout.
    """

    tells_texts: bool
    version_of: Callable[[int], int | None]

    def ended(self, record: RequestRecord) -> None:
        """Note a search that has just ended; a shadow is no part of the request."""
        trace = current_trace.get()
        if trace is not None and record.kind != SHADOW:
            trace.add(partial(self._operation, record, time.perf_counter()))

    def embedded(self, model: str, dimension: int, began: float, tokens: int, encoding_format: str) -> None:
        """Note texts of a client that have just been encoded, since the moment ``began``."""
        trace = current_trace.get()
        if trace is None:
            return
        more: dict[str, Attribute] = {
            "gen_ai.usage.input_tokens": tokens,
            "gen_ai.request.encoding_formats": [encoding_format],
        }
        trace.add(partial(_embeddings, model, dimension, began, time.perf_counter(), more))

    def judged(self, row: FeedbackRow, query_id: str) -> None:
        """Note what a user said or did about the answer that has a query id."""
        trace = current_trace.get()
        if trace is None:
            return
        said: dict[str, Attribute] = {
            "gen_ai.evaluation.name": f"feedback.{row.action}",
            "gen_ai.evaluation.score.label": row.action,
            "gen_ai.response.id": query_id,
            "groundwork.tenant": row.tenant,
        }
        if row.value is not None:
            said["gen_ai.evaluation.score.value"] = row.value
        if self.tells_texts and row.comment is not None:
            said["gen_ai.evaluation.explanation"] = row.comment
        trace.events.append(Event("gen_ai.evaluation.result", said))

    def _operation(self, record: RequestRecord, ended: float) -> Operation:
        body, result = record.body, record.result
        attributes: dict[str, Attribute] = {
            **_operated("retrieval", record.model),
            "gen_ai.data_source.id": body.collection,
            "gen_ai.request.top_k": float(body.k),
            "gen_ai.response.id": record.query_id,
            "openinference.span.kind": "RETRIEVER",
            "groundwork.tenant": record.caller.tenant,
            "groundwork.kind": record.kind,
            "groundwork.mode": body.mode,
            "groundwork.arm": record.assignment.arm,
        }
        if record.release is not None:
            attributes["groundwork.release"] = record.release.number
            attributes["groundwork.snapshot"] = record.release.snapshot
        if result is not None:
            attributes["groundwork.hits"] = len(result.hits)
            if self.tells_texts and record.caller.log_queries:
                attributes |= _texts(record, result)
        return Operation(
            f"retrieval {body.collection}",
            "client",
            record.began,
            ended,
            attributes,
            error=record.error,
            children=_stages(record),
            events=self._choices(record),
            measured_as=MEASURED_AS,
        )

    def _choices(self, record: RequestRecord) -> Sequence[Event]:
        """What a rollout or a pin chose for this request; nothing where there was nothing to choose."""
        assignment = record.assignment
        if record.release is None or (assignment.rollout is None and assignment.reason not in ("pinned", "held back")):
            return ()
        is_split = assignment.reason.startswith("share ")
        is_meant = assignment.reason in ("pinned", "held back", "chosen first")
        chosen: dict[str, Attribute] = {
            "feature_flag.key": "pin" if assignment.rollout is None else f"rollout.{assignment.rollout}",
            "feature_flag.provider.name": PROVIDER,
            "feature_flag.result.variant": record.release.number,
            "feature_flag.result.reason": "targeting_match" if is_meant else "split" if is_split else "default",
        }
        if assignment.unit is not None:
            chosen["feature_flag.context.id"] = record.records.policy.unit_hash(assignment) or ""
        version = None if assignment.rollout is None else self.version_of(assignment.rollout)
        if version is not None:
            chosen["feature_flag.version"] = str(version)
        return (Event("feature_flag.evaluation", chosen),)


def _operated(name: str, model: str) -> dict[str, Attribute]:
    """What every operation of a model or a retriever has."""
    named: dict[str, Attribute] = {"gen_ai.request.model": model} if model else {}
    return {"gen_ai.operation.name": name, "gen_ai.provider.name": PROVIDER, **named}


def _stages(record: RequestRecord) -> list[Operation]:
    """The stages of a search in their order; what was done of one in pieces that follow each other is one.

    A look into the cache of vectors before encoding is part of it.
    """
    looks = [moment for moment in record.stages if moment[0] == "encode"][:-1]
    moments: list[tuple[str, float, float]] = []
    for name, began, ended in (moment for moment in record.stages if moment not in looks):
        if moments and moments[-1][0] == name:
            began = moments.pop()[1]
        moments.append((name, began, ended))
    return [_stage(record, *moment) for moment in moments]


def _stage(record: RequestRecord, name: str, began: float, ended: float) -> Operation:
    if name == "encode":
        return _embeddings(record.model, record.dimension, began, ended, {})
    attributes: dict[str, Attribute] = {"openinference.span.kind": "RERANKER"} if name == "rerank" else {}
    return Operation(name, "internal", began, ended, attributes)


def _embeddings(model: str, dimension: int, began: float, ended: float, more: Mapping[str, Attribute]) -> Operation:
    attributes: dict[str, Attribute] = {
        **_operated("embeddings", model),
        "gen_ai.embeddings.dimension.count": dimension,
        "openinference.span.kind": "EMBEDDING",
        **more,
    }
    return Operation(f"embeddings {model}", "client", began, ended, attributes, measured_as=MEASURED_AS)


def _texts(record: RequestRecord, result: Result) -> dict[str, Attribute]:
    """What was asked and found, in both conventions."""
    question = record.body.query or "\n".join(message.content for message in record.body.spoken)
    hits = result.hits[:_MAX_DOCUMENTS]
    documents = [{"id": hit.passage.document_id, "score": hit.score} for hit in hits]
    told: dict[str, Attribute] = {
        "gen_ai.retrieval.query.text": question,
        "gen_ai.retrieval.documents": canonical_json(documents).decode(),
        "input.value": question,
    }
    for place, hit in enumerate(hits):
        document = f"retrieval.documents.{place}.document"
        told[f"{document}.id"], told[f"{document}.score"] = hit.passage.document_id, hit.score
        told[f"{document}.content"] = hit.passage.text
    return told

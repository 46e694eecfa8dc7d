"""Conversations to queries, the same offline and online: what the turns before a question add to it.

No language model takes part. The query's vector is the weighted sum of the turns' own vectors, and its lexical terms
are those of all turns, each with its weight; a ``ConversationView`` says the weights. Every turn is encoded by itself,
one text a run, so a turn that was encoded before need not be encoded again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from indexing.errors import InvalidInput
from indexing.features.views import ConversationView
from indexing.records import Vector

USER = "user"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat: ``role`` is ``user``, ``assistant``, ``system``, or one that no view counts."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Turns:
    """What of a chat makes its query: the question, and the earlier turns that count, oldest first."""

    question: str
    earlier: tuple[str, ...] = ()


def read_conversation(view: ConversationView | None, messages: Sequence[Message]) -> Turns:
    """The turns of a chat that count under a view; under none, the question alone.

    The question is the last message of the user; what stands after it does not count, nor do blank messages.

    Raises:
        InvalidInput: no message of the user holds any text.
    """
    spoken = [message for message in messages if message.content.strip()]
    asked = [place for place, message in enumerate(spoken) if message.role == USER]
    if not asked:
        raise InvalidInput("No message of role 'user' holds any text: the last one of them is the question.")
    question = spoken[asked[-1]].content.strip()
    if view is None or view.earlier_turns == 0:
        return Turns(question)
    earlier = [message.content.strip() for message in spoken[: asked[-1]] if message.role in view.roles]
    return Turns(question, tuple(earlier[-view.earlier_turns :]))


def conversation_vector(view: ConversationView, turns: Turns, encode: Callable[[str], Vector]) -> Vector:
    """The query vector of a conversation.

    Args:
        view: What earlier turns count.
        turns: As ``read_conversation`` gave them.
        encode: The unit vector of one text; it is called once a turn, the question first.

    Returns:
        float32 (dimension,), unit norm. Without earlier turns, or where they weigh nothing, the question's own vector,
        bit for bit; so too where the turns cancel each other out.

    Source of the form: benchmarks/search/conversation.py; see decision 18.
    """
    own = encode(turns.question)
    if not turns.earlier or view.dense_weight == 0.0:
        return own
    mean = np.mean(np.stack([encode(text) for text in turns.earlier]).astype(np.float64), axis=0)
    total = (1.0 - view.dense_weight) * own.astype(np.float64) + view.dense_weight * mean
    norm = float(np.linalg.norm(total))
    if norm < 1e-6:
        return own
    vector: Vector = (total / norm).astype(np.float32)
    return vector


def conversation_terms(
    view: ConversationView, turns: Turns, weights_of: Callable[[str], Mapping[str, float]]
) -> dict[str, float]:
    """What each lexical term of a conversation counts, those of the question first.

    A term of the question counts as ``weights_of`` says; each earlier turn that holds it adds ``lexical_weight`` times
    that, but at most for one that stands there once. Later turns come before earlier ones, so that where only so many
    terms count it is the oldest that do not.
    """
    weights: dict[str, float] = dict(weights_of(turns.question))
    if view.lexical_weight == 0.0:
        return weights
    for text in reversed(turns.earlier):
        for term, weight in weights_of(text).items():
            weights[term] = weights.get(term, 0.0) + view.lexical_weight * min(1.0, weight)
    return weights

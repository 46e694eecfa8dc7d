"""Conversations to queries, the same offline and online: what the turns before a question add to it.

No language model takes part. The query's vector is the weighted sum of the turns' own vectors, and its lexical terms
are those of all turns, each with its weight; a ``ConversationView`` says the weights. Every turn is encoded by itself,
one text a run, so a turn that was encoded before need not be encoded again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexing.errors import InvalidInput
from indexing.features.referring_words import referring_and_all
from indexing.features.views import FIRST_WITH_ANSWERS, ConversationView
from indexing.records import Vector

USER = "user"
ASSISTANT = "assistant"
REFERENCE_FACTOR = 5.0
"""One word in so many that refers back makes a question refer as much as can be. Source:
benchmarks/results/conversation.json; see decision 51."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat: ``role`` is ``user``, ``assistant``, ``system``, or one that no view counts."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Turns:
    """What of a chat makes its query: the question, and the earlier turns that count, oldest first.

    ``answer`` is what the assistant said right before the question, where that may count; else empty.
    """

    question: str
    earlier: tuple[str, ...] = ()
    answer: str = ""


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
    question, before = spoken[asked[-1]].content.strip(), spoken[: asked[-1]]
    if view is None or view.earlier_turns == 0:
        return Turns(question)
    earlier = [message.content.strip() for message in before if message.role in view.roles]
    return Turns(question, tuple(earlier[-view.earlier_turns :]), _answer(view, question, before))


def _answer(view: ConversationView, question: str, before: Sequence[Message]) -> str:
    """What the assistant said last, if it counts for this question and not as one of the earlier turns already."""
    said = [message for message in before if message.role in (USER, ASSISTANT)]
    if view.algorithm < FIRST_WITH_ANSWERS or ASSISTANT in view.roles or not said or said[-1].role != ASSISTANT:
        return ""
    return said[-1].content.strip() if reference_share(question) > 0.0 else ""


def reference_share(question: str) -> float:
    """How much a question refers to what was said before, 0..1: by how many of its words are pronouns and their like.

    "What about the other one?" and "Was kostet dieser?" refer fully, "How do I reset my password?" not at all.
    """
    referring, words = referring_and_all(question)
    return min(1.0, REFERENCE_FACTOR * referring / words) if words else 0.0


def conversation_vector(view: ConversationView, turns: Turns, encode: Callable[[str], Vector]) -> Vector:
    """The query vector of a conversation.

    Args:
        view: What earlier turns count.
        turns: As ``read_conversation`` gave them.
        encode: The unit vector of one text; it is called once a turn, the question first, the answer last.

    Returns:
        float32 (dimension,), unit norm. Without earlier turns, or where they weigh nothing, the question's own vector,
        bit for bit; so too where the turns cancel each other out.

    Source of the form: benchmarks/search/conversation.py; see decision 18.
    """
    own = encode(turns.question)
    vector = own
    if turns.earlier and view.dense_weight:
        mean = np.mean(np.stack([encode(text) for text in turns.earlier]).astype(np.float64), axis=0)
        vector = _mixed(vector, mean, view.dense_weight)
    weight = view.answer_dense_weight * reference_share(turns.question) if turns.answer else 0.0
    return _mixed(vector, encode(turns.answer).astype(np.float64), weight) if weight else vector


def _mixed(vector: Vector, other: NDArray[np.float64], weight: float) -> Vector:
    """A unit vector with a share of another; as it was where they cancel each other out."""
    total = (1.0 - weight) * vector.astype(np.float64) + weight * other
    norm = float(np.linalg.norm(total))
    if norm < 1e-6:
        return vector
    mixed: Vector = (total / norm).astype(np.float32)
    return mixed


def conversation_terms(
    view: ConversationView, turns: Turns, weights_of: Callable[[str], Mapping[str, float]]
) -> dict[str, float]:
    """What each lexical term of a conversation counts, those of the question first.

    A term of the question counts as ``weights_of`` says; each earlier turn that holds it adds ``lexical_weight`` times
    that, but at most for one that stands there once, and the answer its weight as far as the question refers. Later
    turns come before earlier ones, so that where only so many terms count it is the oldest that do not.
    """
    weights: dict[str, float] = dict(weights_of(turns.question))
    counted = [(text, view.lexical_weight) for text in reversed(turns.earlier)]
    if turns.answer:  # it is newer than any of them
        counted.insert(0, (turns.answer, view.answer_lexical_weight * reference_share(turns.question)))
    for text, share in counted:
        for term, weight in weights_of(text).items() if share else ():
            weights[term] = weights.get(term, 0.0) + share * min(1.0, weight)
    return weights

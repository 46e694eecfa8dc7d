"""Questions that a language model writes about documents, through an endpoint that speaks the OpenAI protocol."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eval.datasets.chat_client import TIMEOUT_SECONDS, Completion, Endpoint, complete_all
from eval.datasets.document_queries import Made, MadeQuery
from eval.datasets.json_replies import json_of
from eval.datasets.splits import normalised
from indexing.errors import BudgetSpent, ServiceFailed
from indexing.records import Document

PURPOSE = "questions written"
"""What the ledger says of the calls."""
MODEL = "model"
"""What a query is said to be made of that a model wrote."""
_TEXT_CHARS = 4_000
"""Characters of a document that the model is shown: about a thousand tokens, and most documents whole. Our choice."""
_WORDS = range(3, 41)
"""Words of a question that is kept: fewer is no question, and more an essay. Source: our choice."""
_TRIES_A_QUERY = 2
"""Documents that are asked about for each query that is wanted, at most. Source: our choice."""
_PROMPT = """You write search queries for testing a search engine over the documentation below.
Write ONE question that a user who has not seen this text would type, and that this text answers.
Use the user's words rather than the text's; do not mention "the text", "the document" or "the article".
Answer with JSON only: {{"question": "..."}}

Title: {title}

{text}
"""


@dataclass(frozen=True, slots=True)
class QuestionWriter:
    """Makes queries by asking a model for one question a document; what it is shown leaves this machine.

    A document of which no usable question comes is passed over and counted. Asking the same again may give others.
    """

    endpoint: Endpoint
    timeout_seconds: float = TIMEOUT_SECONDS
    told: Callable[[Completion], None] = lambda completion: None
    """Told of each call."""

    def __call__(self, documents: Sequence[Document], count: int) -> Made:
        """Up to ``count`` queries, of the first documents that give one.

        Raises:
            ServiceFailed: the endpoint is down, or gave no usable question at all; the message says why.
        """
        made: dict[str, MadeQuery] = {}
        asked, why = 0, "none of its answers held a question"
        documents = documents[: _TRIES_A_QUERY * count]
        while len(made) < count and asked < len(documents):
            some = documents[asked : asked + count - len(made)]
            asked += len(some)
            prompts = [_PROMPT.format(title=one.title, text=one.text[:_TEXT_CHARS]) for one in some]
            replies, _ = complete_all(self.endpoint, prompts, timeout_seconds=self.timeout_seconds, told=self.told)
            for document, reply in zip(some, replies, strict=True):
                if isinstance(reply, ServiceFailed | BudgetSpent):
                    if isinstance(reply, ServiceFailed) and reply.is_down:
                        raise reply
                    why = str(reply)
                elif (question := _question(reply)) is not None:
                    made.setdefault(normalised(question), MadeQuery(question, document.id, MODEL))
        if not made:
            raise ServiceFailed(f"No question came of {asked} documents: {why}.")
        return Made(list(made.values()), {"model": self.endpoint.model, "asked": asked, "failed": asked - len(made)})


def _question(reply: str) -> str | None:
    """The question of a reply, in one line; ``None`` where there is none that can be used."""
    try:
        found = json_of(reply, dict).get("question")
    except ValueError:
        return None
    question = " ".join(found.split()) if isinstance(found, str) else ""
    return question if len(question.split()) in _WORDS else None

"""The messages of a chat on the wire: as clients of chat completions send them, whole."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator, model_validator

from indexing.features.conversation import USER, Message
from indexing.features.views import ROLES

MAX_MESSAGES = 200
"""Turns of one conversation. Our choice."""
MAX_MESSAGE_CHARACTERS = 100_000
"""The longest turn, in code points. Our choice."""
TEXT_PARTS = ("text", "input_text", "output_text")
"""Kinds of parts whose text counts. Source: OpenAI's chat completions, and its responses for the latter two."""

_Text = Annotated[str, StringConstraints(max_length=MAX_MESSAGE_CHARACTERS)]


class ContentPart(BaseModel):
    """A piece of a message: a text, or an image, a sound, a file or a call, which is accepted and counts nothing."""

    # What a part holds beside its text is another program's, and grows with it.
    model_config = ConfigDict(extra="ignore")

    type: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description=f"The texts of {', '.join(TEXT_PARTS)} count; parts of any other type do not."
    )
    text: _Text | None = Field(None, validate_default=True, description="The text of a part that is one.")

    @model_validator(mode="before")
    @classmethod
    def _leave_other_parts_unread(cls, value: object) -> object:
        """Of a part that is no text only the type is read, whatever else it holds."""
        if isinstance(value, dict) and isinstance(value.get("type"), str) and value["type"] not in TEXT_PARTS:
            return {"type": value["type"]}
        return value

    @field_validator("text")
    @classmethod
    def _have_a_text(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is None and info.data.get("type") in TEXT_PARTS:
            raise ValueError(f"a part of type {info.data['type']!r} has no text: expected a string")
        return text


class ChatMessage(BaseModel):
    """One turn of a chat, as OpenAI's chat completions have it; the texts of its parts are joined by line breaks.

    Only what users and assistants said counts, and the system's turns under a conversation view that names them. What
    else a message holds, such as ``name``, ``tool_calls`` and ``tool_call_id``, is accepted and not looked at.
    """

    # Chats are other programs' records: their fields are none of ours, and new ones come.
    model_config = ConfigDict(extra="ignore")

    role: Literal["user", "assistant", "system", "developer", "tool", "function"]
    content: _Text | list[ContentPart] | None = Field(
        None,
        validate_default=True,
        description="A text, or a list of parts; null or left out where a message has none, as beside `tool_calls`."
        " A message of the user has one.",
    )

    @field_validator("content")
    @classmethod
    def _let_the_user_say_something(
        cls, content: str | list[ContentPart] | None, info: ValidationInfo
    ) -> str | list[ContentPart] | None:
        if content is None and info.data.get("role") == USER:
            raise ValueError("a message of role 'user' has no content: expected a text or a list of parts")
        return content

    @property
    def message(self) -> Message:
        """The same with its content as one text, empty without any."""
        if self.content is None or isinstance(self.content, str):
            return Message(self.role, self.content or "")
        return Message(self.role, "\n".join(part.text for part in self.content if part.text is not None))

    @property
    def is_spoken(self) -> bool:
        """Whether a conversation view can count it: it has a content, and a role that views know."""
        return self.role in ROLES and self.content is not None


def spoken(messages: list[ChatMessage]) -> list[Message]:
    """The messages that a conversation view can count, each as one text, in their order.

    Calls of tools and their results are left out, and developers' messages: they are long, and no user's words.
    """
    return [turn.message for turn in messages if turn.is_spoken]

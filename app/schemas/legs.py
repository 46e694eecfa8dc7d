"""The shape of the answer about the legs of a collection."""

from typing import Literal

from pydantic import BaseModel, Field


class LanguageLegsAnswer(BaseModel):
    """The samples in one language."""

    language: str = Field(description="ISO 639-1 code; `und` where none can be told.")
    name: str
    samples: int
    dense: int = Field(description="How many of them the vectors find.")
    lexical: int = Field(description="How many of them the words find.")
    tokens: int
    unknown_tokens: int = Field(description="Tokens that the model's tokenizer does not know.")


class MoveAnswer(BaseModel):
    """What is done to the log-odds of the recipe's curve: stretched, then shifted."""

    shift: float
    stretch: float = Field(description="Above 0, so that no order changes; 1 where they are shifted alone.")


class CalibrationAnswer(BaseModel):
    """What the scores of a collection are fitted to."""

    source: Literal["judgments", "leg check", "general"] = Field(
        description="`general`: the recipe's curve as it is; else what it was moved by for this collection."
    )
    samples: int = Field(description="Judged queries, or sampled passages, that it was moved by; 0 for `general`.")
    modes: dict[str, MoveAnswer] = Field(description="By mode; one that is left out has the recipe's curve.")


class LegsAnswer(BaseModel):
    """What the build of the snapshot in service found out about the legs of a collection."""

    release: str
    snapshot: str
    model: str
    languages: list[LanguageLegsAnswer] = Field(description="Most samples first; empty where it was not checked.")
    dense_weight: float = Field(description="The vectors' share in hybrid search of the collection, 0..1.")
    recipe_dense_weight: float = Field(description="That of the recipe.")
    calibration: CalibrationAnswer
    warnings: list[str] = Field(description="What a leg cannot search, in words.")

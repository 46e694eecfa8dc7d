"""The shape of the answer about the legs of a collection."""

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


class LegsAnswer(BaseModel):
    """What the build of the snapshot in service found out about the legs of a collection."""

    release: str
    snapshot: str
    model: str
    languages: list[LanguageLegsAnswer] = Field(description="Most samples first; empty where it was not checked.")
    dense_weight: float = Field(description="The vectors' share in hybrid search of the collection, 0..1.")
    recipe_dense_weight: float = Field(description="That of the recipe.")
    warnings: list[str] = Field(description="What a leg cannot search, in words.")

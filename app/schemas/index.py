"""What the root of the API tells."""

from pydantic import BaseModel, Field


class Index(BaseModel):
    """What this is, and where to go."""

    name: str
    version: str
    docs: str = Field(description="The API's description, to read and to try.")
    openapi: str = Field(description="The same as an OpenAPI document.")
    live: str = Field(description="Whether the process lives.")
    ready: str = Field(description="Whether it can serve.")
    metrics: str = Field(description="Its metrics, as Prometheus reads them.")

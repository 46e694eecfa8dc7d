"""The root of the API: what this is, and where to go."""

from html import escape
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from app.schemas.index import Index

router = APIRouter(tags=["health"])


@router.get(
    "/",
    summary="Where to go?",
    response_model=Index,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
)
async def index(request: Request, accept: Annotated[str, Header(include_in_schema=False)] = "") -> Response:
    """Name, version and the paths of documentation, probes and metrics: as JSON, or as a page where HTML is accepted."""
    prefix = request.scope.get("root_path", "").rstrip("/")
    places = Index(
        name=request.app.title,
        version=request.app.version,
        docs=f"{prefix}/docs",
        openapi=f"{prefix}/openapi.json",
        live=f"{prefix}/livez",
        ready=f"{prefix}/readyz",
        metrics=f"{prefix}/metrics",
    ).model_dump()
    vary = {"Vary": "Accept"}
    return HTMLResponse(_page(places), headers=vary) if "text/html" in accept else JSONResponse(places, headers=vary)


def _page(places: dict[str, str]) -> str:
    title = escape(f"{places.pop('name')} {places.pop('version')}")
    links = "".join(f'<li><a href="{escape(path)}">{escape(path)}</a></li>' for path in places.values())
    return f'<!DOCTYPE html><html lang="en"><title>{title}</title><h1>{title}</h1><ul>{links}</ul></html>'

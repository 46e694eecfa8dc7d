"""The root of the API: what this is, and where to go."""

from html import escape

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from app.schemas.index import Index
from app.schemas.problems import OPEN_PROBLEMS

router = APIRouter(tags=["health"])


@router.get(
    "/",
    summary="Where to go?",
    response_model=Index,
    responses={**OPEN_PROBLEMS, 200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
)
async def index(request: Request) -> Response:
    """Name, version, and the paths of description, probes and metrics: JSON, or a page where HTML is accepted."""
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
    return (
        HTMLResponse(_page(places), headers=vary)
        if "text/html" in request.headers.get("accept", "")
        else JSONResponse(places, headers=vary)
    )


def _page(places: dict[str, str]) -> str:
    title = escape(f"{places.pop('name')} {places.pop('version')}")
    links = "".join(f'<li><a href="{escape(path)}">{escape(path)}</a></li>' for path in places.values())
    return f'<!DOCTYPE html><html lang="en"><title>{title}</title><h1>{title}</h1><ul>{links}</ul></html>'

"""The API's description as pages, which load nothing from anywhere else: their scripts come from fastapi-offline."""

from pathlib import Path as FilePath
from typing import Annotated, Literal

import fastapi_offline
from fastapi import APIRouter, Path, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

router = APIRouter(include_in_schema=False)
FOLDER = FilePath(fastapi_offline.__file__).parent / "static"
"""Swagger UI and Redoc as the package fastapi-offline carries them."""
MAX_AGE_SECONDS = 86_400
"""How long a browser keeps a script: they change with a new version of the package alone. Our choice."""
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " worker-src 'self' blob:; frame-ancestors 'none'"
)
"""What a browser lets the pages load: Redoc would fetch its maker's logo from elsewhere."""
Asset = Literal["swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js", "favicon.png"]


@router.get("/docs")
async def swagger(request: Request) -> HTMLResponse:
    """The description, to try out."""
    prefix = _prefix(request)
    page = get_swagger_ui_html(
        openapi_url=f"{prefix}/openapi.json",
        title=f"{request.app.title}: API",
        swagger_js_url=f"{prefix}/docs/assets/swagger-ui-bundle.js",
        swagger_css_url=f"{prefix}/docs/assets/swagger-ui.css",
        swagger_favicon_url=f"{prefix}/docs/assets/favicon.png",
        swagger_ui_parameters={"validatorUrl": None},  # else it asks a validator on the internet
    )
    page.headers["Content-Security-Policy"] = POLICY
    return page


@router.get("/redoc")
async def redoc(request: Request) -> HTMLResponse:
    """The description, to read."""
    prefix = _prefix(request)
    page = get_redoc_html(
        openapi_url=f"{prefix}/openapi.json",
        title=f"{request.app.title}: API",
        redoc_js_url=f"{prefix}/docs/assets/redoc.standalone.js",
        redoc_favicon_url=f"{prefix}/docs/assets/favicon.png",
        with_google_fonts=False,
    )
    page.headers["Content-Security-Policy"] = POLICY
    return page


@router.get("/docs/assets/{name}")
async def asset(name: Annotated[Asset, Path()]) -> FileResponse:
    """A script, a style sheet or a picture of the pages."""
    return FileResponse(FOLDER / name, headers={"Cache-Control": f"max-age={MAX_AGE_SECONDS}"})


def _prefix(request: Request) -> str:
    prefix: str = request.scope.get("root_path", "")
    return prefix.rstrip("/")

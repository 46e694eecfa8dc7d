"""The API's OpenAPI document, made once in each process of tests: it takes half a second."""

from functools import cache

from app.main import create_app


@cache
def api_document():
    """The document, which is the same for every home. Leave it be."""
    return create_app().openapi()


def described(app):
    """An application that need not make its document, since a test asks for it over HTTP."""
    app.openapi = api_document
    return app

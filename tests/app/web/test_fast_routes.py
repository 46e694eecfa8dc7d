"""Fast routes beside FastAPI's own: same arguments, same description, same errors; no model is needed."""

import pytest
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from app.main import create_app
from app.web.dependencies import DeadlineDep, Searcher
from app.web.fast_routes import FastRoute, FastRoutes
from app.web.openapi import Application
from indexing.catalogue.api_keys import create_key
from indexing.errors import InvalidInput
from tests.support.api_client import TestClient

router = APIRouter(route_class=FastRoute)


class Body(BaseModel):
    word: str


@router.post("/v1/shelves/{shelf}/books/{number:int}")
async def read_book(
    body: Body, request: Request, caller: Searcher, deadline: DeadlineDep, shelf: str, number: int
) -> Response:
    if body.word == "bad":
        raise InvalidInput("a bad word")
    return Response(f"{caller.tenant} {shelf} {number + 1} {body.word} {request.scope['route'].path}")


@pytest.fixture
def client(home):
    app = create_app(home.settings.model_copy(update={"api_key": "a key for fast routes"}))
    app.include_router(router)
    app.add_middleware(FastRoutes, routers=[router])
    app.user_middleware.append(app.user_middleware.pop(0))  # inside the request middleware, as the others
    with TestClient(app, raise_server_exceptions=False) as client:
        client.headers["Authorization"] = "Bearer a key for fast routes"
        yield client


def test_a_fast_route_takes_parameters_from_its_path(client):
    answer = client.post("/v1/shelves/top%20one/books/6", json={"word": "hello"})
    assert answer.text == "default top one 7 hello /v1/shelves/{shelf}/books/{number:int}"


def test_what_a_fast_route_takes_is_in_the_openapi_document():
    alone = Application(title="Shelves", version="1", generate_unique_id_function=lambda route: route.name)
    alone.include_router(router)  # the API's own routes would take a second
    (operation,) = alone.openapi()["paths"]["/v1/shelves/{shelf}/books/{number}"].values()
    assert [parameter["name"] for parameter in operation["parameters"]] == ["shelf", "number", "x-timeout-ms"]
    assert operation["operationId"] == "read_book"


@pytest.mark.parametrize(
    ("path", "content", "status", "error"),
    [
        ("/v1/shelves/a/books/1", b'{"word": "bad"}', 400, "InvalidInput"),
        ("/v1/shelves/a/books/1", b'{"word": 1}', 422, "MalformedRequest"),
        ("/v1/shelves/a/books/one", b'{"word": "a"}', 404, "NotFound"),
    ],
)
def test_errors_of_a_fast_route_are_answered_as_those_of_any_other(client, path, content, status, error):
    answer = client.post(path, content=content)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_a_key_without_the_scope_is_refused_before_the_body_is_looked_at(client, home):
    _, key = create_key(home.catalogue, "default", scopes=["write"])
    answer = client.post("/v1/shelves/a/books/1", content=b"{", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 403


def test_another_method_of_a_fast_path_is_405_with_what_it_takes(client):
    answer = client.get("/v1/search")
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")

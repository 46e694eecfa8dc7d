from starlette.routing import Mount, Route

from app.main import ROUTERS
from app.web.allowed_methods import AllowedMethods
from tests.support.api_document import api_document


def nothing(request):
    raise NotImplementedError


ALLOWED = AllowedMethods(
    [
        Route("/a/{name}", nothing, methods=["GET"]),
        Route("/a/{name}", nothing, methods=["PUT"]),
        Route("/a/{rest:path}", nothing, methods=["DELETE"]),
        Route("/post", nothing, methods=["POST"]),
        Mount("/mounted", routes=[]),
    ]
)


def test_the_methods_of_a_path_are_those_of_every_route_that_takes_it():
    assert ALLOWED.of("/a/b") == ["DELETE", "GET", "HEAD", "OPTIONS", "PUT"]
    assert ALLOWED.of("/a/b/c") == ["DELETE", "OPTIONS"]


def test_what_takes_no_get_takes_no_head():
    assert ALLOWED.of("/post") == ["OPTIONS", "POST"]


def test_a_path_that_is_not_there_takes_nothing():
    assert ALLOWED.of("/nowhere") == ALLOWED.of("/mounted/x") == []


def test_each_operation_of_the_document_is_among_the_methods_of_its_path():
    allowed = AllowedMethods(route for router in ROUTERS for route in router.routes)
    for path, methods in api_document()["paths"].items():
        assert {method.upper() for method in methods} <= set(allowed.of(path.replace("{", "").replace("}", "")))

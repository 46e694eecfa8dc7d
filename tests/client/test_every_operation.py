"""Each operation of the OpenAPI document is called once, by the sync client and by the async one, and is understood."""

import asyncio
import inspect
from functools import cache

from client.generator.document import IDEMPOTENT_POSTS, READING_POSTS, operations, resolved
from groundwork_client import Answer, AsyncGroundwork, Groundwork, StatusError
from tests.support.api_document import api_document

STORE, NOTE = "walked", ("note.md", b"# A note\n\nA text of a note.\n")


@cache
def known():
    """The operations of the document by name. Each process of a run would make it only to collect these tests."""
    return {operation.name: operation for operation in operations(api_document())}


GIVEN = {
    "search": lambda made: {"query": "reset my password", "collection": "helpdesk", "timeout_ms": 10_000},
    "post_feedback": lambda made: {
        "action_name": "click",
        "query_id": made["search"].query_id,
        "timestamp": "2026-11-29T09:30:00Z",
        "event_attributes": {"object": {"object_id": made["search"].hits[0].document_id}},
    },
    "create_embeddings": lambda made: {"input": ["a text"], "model": "tiny@1"},
    "get_model": lambda made: {"model": made["get_models"].data[0].id},
    "openai_create_upload": lambda made: {"bytes": len(NOTE[1]), "filename": "note.md", "purpose": "assistants"},
    "openai_add_upload_part": lambda made: {"upload_id": made["openai_create_upload"].id, "data": NOTE},
    "openai_complete_upload": lambda made: {
        "upload_id": made["openai_create_upload"].id,
        "part_ids": [made["openai_add_upload_part"].id],
    },
    "openai_cancel_upload": lambda made: {"upload_id": made["openai_create_upload"].id},
    "openai_create_vector_store": lambda made: {"name": "Walked"},
    "openai_create_file_batch": lambda made: store(made, file_ids=[made["openai_create_file"].id]),
    "openai_get_file_batch": lambda made: store(made, batch_id=made["openai_create_file_batch"].id),
    "openai_cancel_file_batch": lambda made: store(made, batch_id=made["openai_create_file_batch"].id),
    "openai_list_batch_files": lambda made: store(made, batch_id=made["openai_create_file_batch"].id),
    "openai_update_store_file": lambda made: of_store_file(made, attributes={"team": "support"}),
    "openai_get_store_file_content": lambda made: of_store_file(made),
    "put_document": lambda made: {"collection": "helpdesk", "document_id": "a/b?", "text": "Refunds take five days."},
    "put_documents": lambda made: {"collection": "helpdesk", "documents": [{"id": "c", "text": "Another text."}]},
    "put_collection": lambda made: {"collection": "a second one"},
    "delete_collection": lambda made: {"collection": "a second one"},
    "get_features": lambda made: {"collection": "helpdesk", "ids": ["password"], "features": ["document_stats:age"]},
    "get_upload": lambda made: {"collection": "helpdesk", "file_id": made["upload_files"].uploads[0].id},
    "delete_upload": lambda made: {"collection": "helpdesk", "file_id": made["upload_files"].uploads[0].id},
    "get_tenant": lambda made: {"tenant": "default"},
    "change_tenant": lambda made: {"tenant": made["create_tenant"].name, "requests_per_minute": 60},
    "revoke_tenant": lambda made: {"tenant": made["create_tenant"].name},
    "revoke_key": lambda made: {"key_id": made["create_key"].id},
    "get_release": lambda made: {"release": made["list_releases"].releases[0].number},
    "promote_release": lambda made: {"release": made["list_releases"].releases[0].number},
    "get_lineage": lambda made: {"of": "release", "id": made["list_releases"].releases[0].number},
    "get_release_diff": lambda made: dict.fromkeys(["release", "before"], made["list_releases"].releases[0].number),
    "get_feature_view": lambda made: {"view": "document_stats"},
    "get_feature_view_diff": lambda made: {"view": "document_stats", "before": "document_engagement"},
    "materialise_feature_view": lambda made: {"view": "document_stats"},
    "get_preparation": lambda made: {"preparation": made["prepare_recipe"].id},
    "cancel_preparation": lambda made: {"preparation": made["prepare_recipe"].id},
    "get_ledger_model": lambda made: {"model": "tiny@1"},
    "put_pin": lambda made: {"tenant": made["create_tenant"].name, "kind": "held_back"},
    "delete_pin": lambda made: {"tenant": made["create_tenant"].name},
}
"""Arguments that are about what is there or was made before; others follow from the document."""

REFUSED = {
    **dict.fromkeys(
        ["acknowledge_alert", "get_rollout", "push_features", "get_ledger_requests", "replay_request"], 404
    ),
    "roll_back_release": 404,
    "openai_cancel_upload": 400,
}
"""What a fresh home has none of (as of rollouts), and an upload that is completed: the error is understood, too."""

LAST = ("openai_cancel_upload", "cancel_preparation", "delete_pin", "revoke_key", "revoke_tenant")
"""What takes away that another call needs."""


def store(made, **more):
    return {"vector_store_id": made["openai_create_vector_store"].id, **more}


def of_store_file(made, **more):
    return store(made, file_id=made["openai_create_file"].id, **more)


def filled(schema):
    """A value that a schema allows."""
    schema = resolved(api_document(), schema)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return filled(schema[key][0])
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if schema.get("examples"):
        return schema["examples"][0]
    kind = schema.get("type")
    if kind == "array":
        return [filled(schema["items"])]
    if kind == "object":
        return {name: filled(schema["properties"][name]) for name in schema.get("required", ())}
    if schema.get("format") == "binary":
        return NOTE
    return {"integer": 1, "number": 1.0, "boolean": False}.get(kind, "helpdesk")


def arguments(operation, made):
    """What an operation is called with."""
    if operation.name in GIVEN:
        return GIVEN[operation.name](made)
    if operation.whole_body is not None:
        return {one.name: filled(one.schema) for one in operation.arguments if one.is_required} | {
            "body": filled(operation.whole_body)
        }
    found = {}
    example = {}
    if any(one.place == "body" for one in operation.arguments):
        body = said_of(operation)["requestBody"]
        example = (resolved(api_document(), body["content"]["application/json"]["schema"]).get("examples") or [{}])[0]
    for one in operation.arguments:
        if one.place == "body" and one.wire_name in example:
            found[one.name] = example[one.wire_name]
        elif one.is_required:
            found[one.name] = by_name(one, made) or filled(one.schema)
    return found


def by_name(argument, made):
    """Ids of what was made before, by the argument's name."""
    sources = {
        "vector_store_id": "openai_create_vector_store",
        "file_id": "openai_create_file",
        "upload_id": "openai_create_upload",
    }
    if argument.name == "document_id":
        return "a/b?"
    return made[sources[argument.name]].id if argument.name in sources else None


def in_order():
    """Operations so that what is made comes first, and what is deleted goes last."""

    def turn(operation):
        name = operation.name
        makes = name.startswith(("create_", "put_", "openai_create_")) or name == "openai_attach_file"
        ends = operation.method == "DELETE" or name in LAST
        return (ends, not makes, name.endswith("_batch"), operation.path.count("/") * (-1 if ends else 1))

    return sorted(known().values(), key=turn)


def said_of(operation):
    return api_document()["paths"][operation.path][operation.method.lower()]


def walk(ask, ask_as_operator):
    """Call everything; gives the answers, and the errors that came instead."""
    made, refused = {}, {}
    for operation in in_order():
        said = said_of(operation)
        scopes = [scope for one in said.get("security", ()) for scopes in one.values() for scope in scopes]
        call = ask_as_operator if "operator" in scopes else ask
        try:
            made[operation.name] = call(operation.name, arguments(operation, made))
        except StatusError as error:
            refused[operation.name] = error
    return made, refused


def checked(made, refused):
    assert set(made) | set(refused) == set(known())
    for name, error in refused.items():
        assert str(error.status) in said_of(known()[name])["responses"], error
        assert all((error.error, error.message, error.request_id)), name
    of_rollouts = {name: 404 for name in known() if name.endswith("_rollout")}
    assert {name: error.status for name, error in refused.items()} == REFUSED | of_rollouts, (
        "an operation is new, or other: add its arguments to GIVEN"
    )
    assert made["get_document"].text == "Refunds take five days."
    assert made["openai_get_file_content"] == NOTE[1]
    assert made["metrics"].startswith("# HELP")
    assert made["livez"] == {"status": "alive"}
    assert isinstance(made["rerank"], Answer | list)
    assert made["search"].http.status == 200
    assert made["search"].http.request_id == made["search"].request_id


def test_the_sync_client_calls_every_operation(api):
    with Groundwork(api.url, api_key=api.key) as ours, Groundwork(api.url, api_key=api.operator_key) as operator:

        def asking(client):
            return lambda name, given: getattr(client, name)(**given)

        checked(*walk(asking(ours), asking(operator)))


def test_the_async_client_calls_every_operation(other_api):
    with asyncio.Runner() as runner:
        ours = AsyncGroundwork(other_api.url, api_key=other_api.key)
        operator = AsyncGroundwork(other_api.url, api_key=other_api.operator_key)

        def asking(client):
            return lambda name, given: runner.run(getattr(client, name)(**given))

        try:
            checked(*walk(asking(ours), asking(operator)))
        finally:
            runner.run(ours.aclose())
            runner.run(operator.aclose())


def test_each_operation_is_one_method_by_its_own_name_in_both_clients():
    helpers = {"feedback", "upload_and_wait"}
    for client, closing in ((Groundwork, "close"), (AsyncGroundwork, "aclose")):
        own = {name for name, _ in inspect.getmembers(client, inspect.isfunction) if not name.startswith("_")}
        pages = {name for name in own if "iterate_" in name}
        assert own - pages == set(known()) | helpers | {closing}
        assert {name.replace("iterate_", "list_") for name in pages} <= set(known())
        assert {"iterate_documents", "iterate_keys", "openai_iterate_files"} <= pages


def test_pages_are_gone_through_by_both_clients(api):
    async def listed():
        async with AsyncGroundwork(api.url, api_key=api.key) as client:
            return [one.id async for one in client.iterate_documents("helpdesk", limit=2)]

    with Groundwork(api.url, api_key=api.key) as client:
        found = [one.id for one in client.iterate_documents("helpdesk", limit=2)]
        by_filter = client.iterate_documents_by_filter(
            "helpdesk", filters={"type": "in", "key": "category", "value": ["c", "e", "i", "w"]}, limit=1
        )
        assert [one.id for one in by_filter] == ["calendar", "export", "invoice", "webhook"]
    assert {"calendar", "export", "invoice", "password", "webhook"} <= set(found)
    assert asyncio.run(listed()) == found


def test_posts_that_are_sent_again_are_posts_of_the_document():
    posts = {name for name, operation in known().items() if operation.method == "POST"}
    assert posts >= READING_POSTS | IDEMPOTENT_POSTS

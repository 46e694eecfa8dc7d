"""The sync methods, one for each operation, written by ``make client``: do not edit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar

from groundwork_client.calls import NOT_GIVEN, Call, FileInput, NotGiven, filled_path
from groundwork_client.generated import answers, bodies

T = TypeVar("T")


class Operations:
    """What the API can do. ``Groundwork`` sends it."""

    def _call(self, call: Call, read: Callable[[Any], T]) -> T:
        raise NotImplementedError

    def _json(self, call: Call) -> Any:
        raise NotImplementedError

    def _bytes(self, call: Call) -> bytes:
        raise NotImplementedError

    def search(
        self,
        *,
        query: str | NotGiven | None = NOT_GIVEN,
        messages: Sequence[bodies.ChatMessage] | NotGiven | None = NOT_GIVEN,
        vector: Sequence[float] | NotGiven | None = NOT_GIVEN,
        collection: str | NotGiven = NOT_GIVEN,
        k: int | NotGiven = NOT_GIVEN,
        mode: Literal["hybrid", "dense", "lexical"] | NotGiven = NOT_GIVEN,
        group_by_document: bool | NotGiven = NOT_GIVEN,
        min_seq: str | int | NotGiven | None = NOT_GIVEN,
        filters: bodies.EqualityFilter
        | bodies.OrderFilter
        | bodies.MembershipFilter
        | bodies.CompoundFilter
        | NotGiven
        | None = NOT_GIVEN,
        principals: Sequence[str] | NotGiven = NOT_GIVEN,
        user: str | NotGiven | None = NOT_GIVEN,
        min_score: float | NotGiven | None = NOT_GIVEN,
        collapse: bool | NotGiven = NOT_GIVEN,
        collections: Sequence[str] | NotGiven | None = NOT_GIVEN,
        offset: int | NotGiven = NOT_GIVEN,
        fields: Sequence[
            Literal[
                "rank",
                "score",
                "collection",
                "document_id",
                "passage_id",
                "release",
                "scores",
                "title",
                "text",
                "start",
                "end",
                "headings",
                "table_heading",
                "url",
                "metadata",
            ]
        ]
        | NotGiven
        | None = NOT_GIVEN,
        highlight: bool | NotGiven = NOT_GIVEN,
        snippet: int | NotGiven | None = NOT_GIVEN,
        timeout_ms: float | None = None,
    ) -> answers.SearchAnswer:
        """Search a collection.

        Find the passages that answer a query, best first, one a document unless asked otherwise.

        The answer names the release and the snapshot that served it, how long each stage took, and by `query_id`
        its row in the ledger.

        Args:
            timeout_ms: Milliseconds after which the answer is worth nothing any more.
            query: What to look for, in the user's words. Beyond the model's limit, text counts only lexically.
                Either this or messages.
            messages: The chat so far, oldest first, instead of a query. Its last message of the user is the
                question; what the turns before it count is part of the recipe (its conversation view). As clients
                of chat completions send them: messages of tools and developers, calls, images and names are
                accepted and count nothing.
            vector: The query's vector, by the model of the release; it is set to unit norm. Alone with mode
                dense, or beside a query with mode hybrid, which is then not encoded.
            collection: The set of documents to search.
            k: How many hits to return.
            mode: Which legs rank: both, the vectors alone, or BM25 alone.
            group_by_document: One hit a document (its best passage); false: every passage counts.
            min_seq: See at least the write that was answered with this `seq`; waits a little for it, else answers
                412. A number, as earlier versions gave, is deprecated: the next version refuses it.
            filters: Which documents may be found, by their metadata: {type: eq|ne|gt|gte|lt|lte|in|nin, key,
                value} or {type: and|or, filters: [...]}, at most 8 deep and with 100 comparisons.
            principals: Who asks: the user, its groups and roles, as your backend knows them. A document that
                names who may see it is found by those alone; without principals only documents without an `allow`
                list are found.
            user: Whose request this is, by any id that stays the same for one person. It changes no hit: a
                rollout by user gives the same user the same release, and the ledger keeps a keyed hash of it,
                never the id itself.
            min_score: Leave out hits whose score is lower; `below_min_score` of the answer says how many those
                were.
            collapse: Show near-duplicates once: a hit whose text is that of a better one but for a few words,
                numbers aside, is named in `near_duplicates` of that one, and the next takes its place.
            collections: Several sets of documents to search at once, instead of `collection`: one ranking by
                score, in which each hit names its collection.
            offset: How many hits to pass over: pages of the same `k` join to one ranking, of which 2,000 ranks
                can be asked for, as long as the answers name the same release and snapshot and nothing is
                written.
            fields: Which fields of a hit to send beside rank, score, collection, document_id, passage_id, which
                always are; left out: all.
            highlight: Say in `highlights` of each hit where the words that were looked for stand in title and
                text.
            snippet: Give of each hit, in `snippet`, the sentences that hold most of what was looked for, in at
                most so many code points.

        ``POST /v1/search``
        """
        return self._call(
            Call(
                "POST",
                "/v1/search",
                is_repeatable=True,
                timeout_ms=timeout_ms,
                body={
                    "query": query,
                    "messages": messages,
                    "vector": vector,
                    "collection": collection,
                    "k": k,
                    "mode": mode,
                    "group_by_document": group_by_document,
                    "min_seq": min_seq,
                    "filters": filters,
                    "principals": principals,
                    "user": user,
                    "min_score": min_score,
                    "collapse": collapse,
                    "collections": collections,
                    "offset": offset,
                    "fields": fields,
                    "highlight": highlight,
                    "snippet": snippet,
                },
            ),
            answers.SearchAnswer.model_validate,
        )

    def search_batch(
        self, *, searches: Sequence[bodies.SearchBody], timeout_ms: float | None = None
    ) -> answers.SearchBatchAnswer:
        """Search several times.

        Answer up to 50 searches, each by itself: one that fails says so in its place and keeps no other from its
        answer.

        Each counts as a request of its own towards the tenant's rate, and has its own row in the ledger. All
        share one deadline, and run a few at a time.

        Args:
            timeout_ms: Milliseconds after which the answer is worth nothing any more.
            searches: Each as the body of `POST /v1/search`; counts as one request.

        ``POST /v1/search:batch``
        """
        return self._call(
            Call("POST", "/v1/search:batch", is_repeatable=True, timeout_ms=timeout_ms, body={"searches": searches}),
            answers.SearchBatchAnswer.model_validate,
        )

    def measure_recall(
        self,
        collection: str,
        *,
        k: int | NotGiven = NOT_GIVEN,
        queries: int | NotGiven = NOT_GIVEN,
        seed: int | NotGiven = NOT_GIVEN,
        timeout_ms: float | None = None,
    ) -> answers.RecallAnswer:
        """Measure live recall.

        Compare the search that serves with exact search, on queries sampled from the collection, without any
        model.

        One measurement is made at a time in each process, within the request's deadline: a large collection needs
        fewer queries or more time.

        The result is exported as the metric `groundwork_live_recall` of the recipe, too.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.
            timeout_ms: Milliseconds after which the answer is worth nothing any more.
            k: How many nearest passages are compared.
            queries: How many queries are sampled from the collection's passages.
            seed: Another seed samples other queries.

        ``POST /v1/collections/{collection}/recall``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/collections/{collection}/recall", collection=collection),
                is_repeatable=True,
                timeout_ms=timeout_ms,
                body={"k": k, "queries": queries, "seed": seed},
            ),
            answers.RecallAnswer.model_validate,
        )

    def assemble_context(
        self,
        *,
        query: str | NotGiven | None = NOT_GIVEN,
        messages: Sequence[bodies.ChatMessage] | NotGiven | None = NOT_GIVEN,
        vector: Sequence[float] | NotGiven | None = NOT_GIVEN,
        collection: str | NotGiven = NOT_GIVEN,
        k: int | NotGiven = NOT_GIVEN,
        mode: Literal["hybrid", "dense", "lexical"] | NotGiven = NOT_GIVEN,
        group_by_document: bool | NotGiven = NOT_GIVEN,
        min_seq: str | int | NotGiven | None = NOT_GIVEN,
        filters: bodies.EqualityFilter
        | bodies.OrderFilter
        | bodies.MembershipFilter
        | bodies.CompoundFilter
        | NotGiven
        | None = NOT_GIVEN,
        principals: Sequence[str] | NotGiven = NOT_GIVEN,
        user: str | NotGiven | None = NOT_GIVEN,
        min_score: float | NotGiven | None = NOT_GIVEN,
        collapse: bool | NotGiven = NOT_GIVEN,
        max_tokens: int | NotGiven = NOT_GIVEN,
        timeout_ms: float | None = None,
    ) -> answers.ContextAnswer:
        """Search a collection for a prompt's context.

        Find the passages that answer a query, as one block of text with numbered citations, within a budget of
        tokens.

        Nothing is said twice, neighbouring passages are joined, and every hit that is not in the block is named
        with the reason.

        Args:
            timeout_ms: Milliseconds after which the answer is worth nothing any more.
            query: What to look for, in the user's words. Beyond the model's limit, text counts only lexically.
                Either this or messages.
            messages: The chat so far, oldest first, instead of a query. Its last message of the user is the
                question; what the turns before it count is part of the recipe (its conversation view). As clients
                of chat completions send them: messages of tools and developers, calls, images and names are
                accepted and count nothing.
            vector: The query's vector, by the model of the release; it is set to unit norm. Alone with mode
                dense, or beside a query with mode hybrid, which is then not encoded.
            collection: The set of documents to search.
            k: How many hits the block is made of, at most.
            mode: Which legs rank: both, the vectors alone, or BM25 alone.
            group_by_document: True: one hit a document (its best passage); false: every passage counts.
            min_seq: See at least the write that was answered with this `seq`; waits a little for it, else answers
                412. A number, as earlier versions gave, is deprecated: the next version refuses it.
            filters: Which documents may be found, by their metadata: {type: eq|ne|gt|gte|lt|lte|in|nin, key,
                value} or {type: and|or, filters: [...]}, at most 8 deep and with 100 comparisons.
            principals: Who asks: the user, its groups and roles, as your backend knows them. A document that
                names who may see it is found by those alone; without principals only documents without an `allow`
                list are found.
            user: Whose request this is, by any id that stays the same for one person. It changes no hit: a
                rollout by user gives the same user the same release, and the ledger keeps a keyed hash of it,
                never the id itself.
            min_score: Leave out hits whose score is lower; `below_min_score` of the answer says how many those
                were.
            collapse: Show near-duplicates once: a hit whose text is that of a better one but for a few words,
                numbers aside, is named in `near_duplicates` of that one, and the next takes its place.
            max_tokens: The budget of the block, counted by the tokenizer of the release's model; for another
                model it is an estimate.

        ``POST /v1/context``
        """
        return self._call(
            Call(
                "POST",
                "/v1/context",
                is_repeatable=True,
                timeout_ms=timeout_ms,
                body={
                    "query": query,
                    "messages": messages,
                    "vector": vector,
                    "collection": collection,
                    "k": k,
                    "mode": mode,
                    "group_by_document": group_by_document,
                    "min_seq": min_seq,
                    "filters": filters,
                    "principals": principals,
                    "user": user,
                    "min_score": min_score,
                    "collapse": collapse,
                    "max_tokens": max_tokens,
                },
            ),
            answers.ContextAnswer.model_validate,
        )

    def mcp(
        self,
        *,
        jsonrpc: Literal["2.0"],
        method: str,
        id: str | int | NotGiven = NOT_GIVEN,
        params: Mapping[str, Any] | NotGiven = NOT_GIVEN,
        groundwork_principals: str | None = None,
        groundwork_user: str | None = None,
        timeout_ms: float | None = None,
    ) -> dict[str, Any] | None:
        """Model Context Protocol.

        One message of the Model Context Protocol by streamable HTTP: the tools `search` and `fetch`, for agents.

        Versions 2026-07-28 (without a handshake) and 2025-11-25 and 2025-06-18 (with one); no sessions and no
        streams.

        Args:
            groundwork_principals: Who asks: the user, its groups and roles, separated by commas, each
                percent-encoded as UTF-8.
            groundwork_user: Whose request this is, percent-encoded: as `user` of a search.
            timeout_ms: Milliseconds after which the answer is worth nothing any more.
            id: Comes back with the answer; left out by a notification.

        ``POST /mcp``
        """
        found: dict[str, Any] | None = self._json(
            Call(
                "POST",
                "/mcp",
                timeout_ms=timeout_ms,
                headers={"x-groundwork-principals": groundwork_principals, "x-groundwork-user": groundwork_user},
                body={"jsonrpc": jsonrpc, "id": id, "method": method, "params": params},
            )
        )
        return found

    def mcp_of_collection(
        self,
        collection: str,
        *,
        jsonrpc: Literal["2.0"],
        method: str,
        id: str | int | NotGiven = NOT_GIVEN,
        params: Mapping[str, Any] | NotGiven = NOT_GIVEN,
        groundwork_principals: str | None = None,
        groundwork_user: str | None = None,
        timeout_ms: float | None = None,
    ) -> dict[str, Any] | None:
        """Model Context Protocol over one collection.

        As `/mcp`, for an agent that is to see one collection and no other.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.
            groundwork_principals: Who asks: the user, its groups and roles, separated by commas, each
                percent-encoded as UTF-8.
            groundwork_user: Whose request this is, percent-encoded: as `user` of a search.
            timeout_ms: Milliseconds after which the answer is worth nothing any more.
            id: Comes back with the answer; left out by a notification.

        ``POST /mcp/{collection}``
        """
        found: dict[str, Any] | None = self._json(
            Call(
                "POST",
                filled_path("/mcp/{collection}", collection=collection),
                timeout_ms=timeout_ms,
                headers={"x-groundwork-principals": groundwork_principals, "x-groundwork-user": groundwork_user},
                body={"jsonrpc": jsonrpc, "id": id, "method": method, "params": params},
            )
        )
        return found

    def post_feedback(
        self,
        *,
        action_name: Literal[
            "rate",
            "comment",
            "answered",
            "not_answered",
            "click",
            "copy",
            "cite",
            "dwell",
            "impression",
            "reformulate",
            "abandon",
            "click_through",
            "view",
        ],
        query_id: str,
        timestamp: datetime | str,
        event_id: str | NotGiven | None = NOT_GIVEN,
        user_id: str | NotGiven | None = NOT_GIVEN,
        client_id: str | NotGiven | None = NOT_GIVEN,
        session_id: str | NotGiven | None = NOT_GIVEN,
        application: str | NotGiven | None = NOT_GIVEN,
        message_type: str | NotGiven | None = NOT_GIVEN,
        message: str | NotGiven | None = NOT_GIVEN,
        event_attributes: bodies.FeedbackAttributes | NotGiven | None = NOT_GIVEN,
    ) -> answers.FeedbackAnswer:
        """Say what became of an answer.

        One event about the answer to a query, as User Behavior Insights 1.3 has it: what a user said or did.

        The `query_id` must be one that this tenant was given; the event may come late, early or twice. It is
        taken here and written a moment later; send it again after a 503.

        Args:
            action_name: What was said (rate, comment, answered: this hit answered it, not_answered: nothing did)
                or done (click, copy, cite, dwell, impression, reformulate, abandon). UBI's click_through and view
                are click and impression.
            query_id: The `query_id` of the answer that it is about, as it was given.
            timestamp: When it happened, with its time zone.
            event_id: Your id of the event: of one query it counts once, however often it is sent. Left out, an
                event that is the same in all that is kept counts once. Beyond UBI.
            user_id: The person, by the same id as the `user` of searches.
            client_id: The browser or service; stands for the person without one.
            session_id: Read and not kept.
            application: Read and not kept.
            message_type: Read and not kept.
            message: A comment, kept where the tenant's text may be.

        ``POST /v1/feedback``
        """
        return self._call(
            Call(
                "POST",
                "/v1/feedback",
                is_repeatable=True,
                body={
                    "action_name": action_name,
                    "query_id": query_id,
                    "timestamp": timestamp,
                    "event_id": event_id,
                    "user_id": user_id,
                    "client_id": client_id,
                    "session_id": session_id,
                    "application": application,
                    "message_type": message_type,
                    "message": message,
                    "event_attributes": event_attributes,
                },
            ),
            answers.FeedbackAnswer.model_validate,
        )

    def create_embeddings(
        self,
        *,
        input: str | Sequence[str],
        model: str,
        dimensions: int | NotGiven | None = NOT_GIVEN,
        encoding_format: Literal["float", "base64"] | NotGiven = NOT_GIVEN,
        input_type: Literal["query", "document"] | NotGiven = NOT_GIVEN,
        user: str | NotGiven | None = NOT_GIVEN,
        timeout_ms: float | None = None,
    ) -> answers.EmbeddingsAnswer:
        """Encode texts.

        The vectors of texts, as OpenAI's clients ask for them, by the encoder that searches use.

        Args:
            timeout_ms: Milliseconds after which the answer is worth nothing any more.
            input: A text, or up to 2048 of them, none empty, none longer than the model takes. Lists of token ids
                are refused.
            model: A model that serves you, `NAME@VERSION` as `GET /v1/models` lists it, or its `NAME` alone.
            dimensions: Components of each vector: what the model gives, or left out. Vectors are not shortened.
            encoding_format: Numbers, or the bytes of 32-bit floats, little-endian, in base64.
            input_type: Which of the model's prompts stands before each text: that of queries, as for a search's
                `vector`, or that of passages. A model without prompts gives the same for both. Not a field of
                OpenAI's.
            user: Whose request this is. It changes nothing and is not kept.

        ``POST /v1/embeddings``
        """
        return self._call(
            Call(
                "POST",
                "/v1/embeddings",
                is_repeatable=True,
                timeout_ms=timeout_ms,
                body={
                    "input": input,
                    "model": model,
                    "dimensions": dimensions,
                    "encoding_format": encoding_format,
                    "input_type": input_type,
                    "user": user,
                },
            ),
            answers.EmbeddingsAnswer.model_validate,
        )

    def get_models(self) -> answers.OpenAIModels:
        """List models.

        The embedding models of the releases that serve the tenant, that of the release in service first.

        ``GET /v1/models``
        """
        return self._call(Call("GET", "/v1/models", is_repeatable=True), answers.OpenAIModels.model_validate)

    def get_model(self, model: str) -> answers.OpenAIModel:
        """Show a model.

        One of them, by `NAME@VERSION` or by `NAME` alone.

        ``GET /v1/models/{model}``
        """
        return self._call(
            Call("GET", filled_path("/v1/models/{model}", model=model), is_repeatable=True),
            answers.OpenAIModel.model_validate,
        )

    def search_store(
        self,
        vector_store_id: str,
        *,
        query: str | Sequence[str],
        filters: bodies.EqualityFilter
        | bodies.OrderFilter
        | bodies.MembershipFilter
        | bodies.CompoundFilter
        | NotGiven
        | None = NOT_GIVEN,
        max_num_results: int | NotGiven = NOT_GIVEN,
        ranking_options: bodies.RankingOptions | NotGiven | None = NOT_GIVEN,
        rewrite_query: bool | NotGiven = NOT_GIVEN,
        user: str | NotGiven | None = NOT_GIVEN,
        groundwork_principals: str | None = None,
        groundwork_user: str | None = None,
        timeout_ms: float | None = None,
    ) -> answers.VectorStoreSearchAnswer:
        """Search a vector store.

        Find the passages that answer a query, best first: a collection is a vector store, by its name.

        The headers `x-release-id`, `x-snapshot-id` and `x-query-id` name what served the answer, and its row in
        the ledger for feedback (several queries: as many ids, with commas between).

        Args:
            groundwork_principals: Who asks: the user, its groups and roles, separated by commas, each
                percent-encoded as UTF-8.
            groundwork_user: Whose request this is, percent-encoded: as `user` of a search.
            timeout_ms: Milliseconds after which the answer is worth nothing any more.
            query: What to look for, or up to 16 such texts: a passage then has its best score of all.
            filters: Which documents may be found, by their attributes: {type: eq|ne|gt|gte|lt|lte|in|nin, key,
                value} or {type: and|or, filters: [...]}, at most 8 deep and with 100 comparisons.
            max_num_results: How many results at most, each a passage.
            ranking_options: How results are ranked and cut.
            rewrite_query: Accepted, and changes nothing: queries are searched as they are, and `search_query`
                says so.
            user: Whose request this is, as in `POST /v1/search`: for rollouts by user; else that of the header
                `x-groundwork-user`. Not a field of OpenAI's.

        ``POST /v1/vector_stores/{vector_store_id}/search``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/vector_stores/{vector_store_id}/search", vector_store_id=vector_store_id),
                is_repeatable=True,
                timeout_ms=timeout_ms,
                headers={"x-groundwork-principals": groundwork_principals, "x-groundwork-user": groundwork_user},
                body={
                    "query": query,
                    "filters": filters,
                    "max_num_results": max_num_results,
                    "ranking_options": ranking_options,
                    "rewrite_query": rewrite_query,
                    "user": user,
                },
            ),
            answers.VectorStoreSearchAnswer.model_validate,
        )

    def openai_list_files(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        order: Literal["asc", "desc"] | None = None,
        purpose: str | None = None,
    ) -> answers.FilesAnswer:
        """List files.

        The tenant's files, the newest first unless `order` says otherwise.

        Args:
            after: The last id of the page before.
            purpose: Only files for this.

        ``GET /v1/files``
        """
        return self._call(
            Call(
                "GET",
                "/v1/files",
                is_repeatable=True,
                query={"limit": limit, "after": after, "order": order, "purpose": purpose},
            ),
            answers.FilesAnswer.model_validate,
        )

    def openai_iterate_files(
        self, *, limit: int | None = None, order: Literal["asc", "desc"] | None = None, purpose: str | None = None
    ) -> Iterator[answers.FileAnswer]:
        """Everything that :meth:`openai_list_files` lists, page after page, each of ``limit``."""
        page = self.openai_list_files(limit=limit, order=order, purpose=purpose)
        while True:
            yield from page.data
            if not page.has_more or page.last_id is None:
                return
            page = self.openai_list_files(limit=limit, order=order, purpose=purpose, after=page.last_id)

    def openai_create_file(
        self,
        *,
        file: FileInput,
        purpose: Literal["assistants", "user_data", "batch", "fine-tune", "vision", "evals"],
        expires_after_anchor: Literal["created_at"] | None = None,
        expires_after_seconds: int | None = None,
    ) -> answers.FileAnswer:
        """Upload a file.

        Keep a file durably; it is searched once it is attached to a vector store.

        ``POST /v1/files``
        """
        return self._call(
            Call(
                "POST",
                "/v1/files",
                form={
                    "file": file,
                    "purpose": purpose,
                    "expires_after[anchor]": expires_after_anchor,
                    "expires_after[seconds]": expires_after_seconds,
                },
            ),
            answers.FileAnswer.model_validate,
        )

    def openai_add_upload_part(self, upload_id: str, *, data: FileInput) -> answers.PartAnswer:
        """Add a part to an upload.

        Keep a part durably; several may be sent at once, and `complete` says their order.

        Args:
            upload_id: The id of an upload.

        ``POST /v1/uploads/{upload_id}/parts``
        """
        return self._call(
            Call("POST", filled_path("/v1/uploads/{upload_id}/parts", upload_id=upload_id), form={"data": data}),
            answers.PartAnswer.model_validate,
        )

    def openai_get_file(self, file_id: str) -> answers.FileAnswer:
        """Retrieve a file.

        What is known of a file.

        Args:
            file_id: The id of a file.

        ``GET /v1/files/{file_id}``
        """
        return self._call(
            Call("GET", filled_path("/v1/files/{file_id}", file_id=file_id), is_repeatable=True),
            answers.FileAnswer.model_validate,
        )

    def openai_delete_file(self, file_id: str) -> answers.DeletedFileAnswer:
        """Delete a file, its bytes, and in every vector store the documents that it gave.

        Args:
            file_id: The id of a file.

        ``DELETE /v1/files/{file_id}``
        """
        return self._call(
            Call("DELETE", filled_path("/v1/files/{file_id}", file_id=file_id), is_repeatable=True),
            answers.DeletedFileAnswer.model_validate,
        )

    def openai_get_file_content(self, file_id: str) -> bytes:
        """Read a file's bytes.

        The bytes as they were uploaded; never as something that a browser would show.

        Args:
            file_id: The id of a file.

        ``GET /v1/files/{file_id}/content``
        """
        return self._bytes(Call("GET", filled_path("/v1/files/{file_id}/content", file_id=file_id), is_repeatable=True))

    def openai_create_upload(
        self,
        *,
        bytes: int,
        filename: str,
        purpose: Literal["assistants", "user_data", "batch", "fine-tune", "vision", "evals"],
        mime_type: str | NotGiven = NOT_GIVEN,
        expires_after: bodies.FileExpiry | NotGiven | None = NOT_GIVEN,
    ) -> answers.FileUploadAnswer:
        """Begin an upload in parts.

        Begin a file that comes in parts; it has an hour.

        Args:
            mime_type: Not looked at: the ending of the name says what it is.

        ``POST /v1/uploads``
        """
        return self._call(
            Call(
                "POST",
                "/v1/uploads",
                body={
                    "bytes": bytes,
                    "filename": filename,
                    "mime_type": mime_type,
                    "purpose": purpose,
                    "expires_after": expires_after,
                },
            ),
            answers.FileUploadAnswer.model_validate,
        )

    def openai_complete_upload(
        self, upload_id: str, *, part_ids: Sequence[str], md5: str | NotGiven | None = NOT_GIVEN
    ) -> answers.FileUploadAnswer:
        """Make a file of an upload's parts.

        Put the parts together in the order of `part_ids`; together they have the bytes that were said.

        Args:
            upload_id: The id of an upload.
            md5: Of the whole file, in hexadecimal digits.

        ``POST /v1/uploads/{upload_id}/complete``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/uploads/{upload_id}/complete", upload_id=upload_id),
                body={"part_ids": part_ids, "md5": md5},
            ),
            answers.FileUploadAnswer.model_validate,
        )

    def openai_cancel_upload(self, upload_id: str) -> answers.FileUploadAnswer:
        """Give up an upload.

        No more parts are taken, and those that came are removed.

        Args:
            upload_id: The id of an upload.

        ``POST /v1/uploads/{upload_id}/cancel``
        """
        return self._call(
            Call("POST", filled_path("/v1/uploads/{upload_id}/cancel", upload_id=upload_id)),
            answers.FileUploadAnswer.model_validate,
        )

    def openai_list_vector_stores(
        self,
        *,
        limit: int | None = None,
        order: Literal["asc", "desc"] | None = None,
        after: str | None = None,
        before: str | None = None,
    ) -> answers.StoresAnswer:
        """List vector stores.

        Every collection of the tenant that the key opens, the newest first unless `order` says otherwise.

        Args:
            limit: How many at most.
            after: The last id of the page before.
            before: The first id of the page after.

        ``GET /v1/vector_stores``
        """
        return self._call(
            Call(
                "GET",
                "/v1/vector_stores",
                is_repeatable=True,
                query={"limit": limit, "order": order, "after": after, "before": before},
            ),
            answers.StoresAnswer.model_validate,
        )

    def openai_iterate_vector_stores(
        self, *, limit: int | None = None, order: Literal["asc", "desc"] | None = None
    ) -> Iterator[answers.StoreAnswer]:
        """Everything that :meth:`openai_list_vector_stores` lists, page after page, each of ``limit``."""
        page = self.openai_list_vector_stores(limit=limit, order=order)
        while True:
            yield from page.data
            if not page.has_more or page.last_id is None:
                return
            page = self.openai_list_vector_stores(limit=limit, order=order, after=page.last_id)

    def openai_create_vector_store(
        self,
        *,
        chunking_strategy: bodies.ChunkingBody | NotGiven | None = NOT_GIVEN,
        name: str | NotGiven | None = NOT_GIVEN,
        description: str | NotGiven | None = NOT_GIVEN,
        file_ids: Sequence[str] | NotGiven = NOT_GIVEN,
        expires_after: bodies.StoreExpiry | NotGiven | None = NOT_GIVEN,
        metadata: Mapping[str, str] | NotGiven | None = NOT_GIVEN,
    ) -> answers.StoreAnswer:
        """Create a vector store.

        Make a collection of a name that cannot be guessed, which is the store's id, and have files read into it.

        ``POST /v1/vector_stores``
        """
        return self._call(
            Call(
                "POST",
                "/v1/vector_stores",
                body={
                    "chunking_strategy": chunking_strategy,
                    "name": name,
                    "description": description,
                    "file_ids": file_ids,
                    "expires_after": expires_after,
                    "metadata": metadata,
                },
            ),
            answers.StoreAnswer.model_validate,
        )

    def openai_get_vector_store(self, vector_store_id: str) -> answers.StoreAnswer:
        """Retrieve a vector store.

        A collection as a vector store, by its name.

        Args:
            vector_store_id: The id of a vector store: a collection's name.

        ``GET /v1/vector_stores/{vector_store_id}``
        """
        return self._call(
            Call(
                "GET",
                filled_path("/v1/vector_stores/{vector_store_id}", vector_store_id=vector_store_id),
                is_repeatable=True,
            ),
            answers.StoreAnswer.model_validate,
        )

    def openai_modify_vector_store(
        self,
        vector_store_id: str,
        *,
        name: str | NotGiven | None = NOT_GIVEN,
        expires_after: bodies.StoreExpiry | NotGiven | None = NOT_GIVEN,
        metadata: Mapping[str, str] | NotGiven | None = NOT_GIVEN,
    ) -> answers.StoreAnswer:
        """Modify a vector store.

        Give a store another name, other metadata or another life; what is left out stays.

        Args:
            vector_store_id: The id of a vector store: a collection's name.

        ``POST /v1/vector_stores/{vector_store_id}``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/vector_stores/{vector_store_id}", vector_store_id=vector_store_id),
                body={"name": name, "expires_after": expires_after, "metadata": metadata},
            ),
            answers.StoreAnswer.model_validate,
        )

    def openai_delete_vector_store(self, vector_store_id: str) -> answers.DeletedStoreAnswer:
        """Delete a vector store.

        Delete a collection with all its documents; the tenant's files stay.

        Args:
            vector_store_id: The id of a vector store: a collection's name.

        ``DELETE /v1/vector_stores/{vector_store_id}``
        """
        return self._call(
            Call(
                "DELETE",
                filled_path("/v1/vector_stores/{vector_store_id}", vector_store_id=vector_store_id),
                is_repeatable=True,
            ),
            answers.DeletedStoreAnswer.model_validate,
        )

    def openai_list_store_files(
        self,
        vector_store_id: str,
        *,
        filter: Literal["in_progress", "completed", "cancelled", "failed"] | None = None,
        limit: int | None = None,
        order: Literal["asc", "desc"] | None = None,
        after: str | None = None,
        before: str | None = None,
    ) -> answers.StoreFilesAnswer:
        """List the files in a vector store.

        The files in a store, the last attached first unless `order` says otherwise.

        Args:
            vector_store_id: The id of a vector store: a collection's name.
            filter: Only those in this state.
            limit: How many at most.
            after: The last id of the page before.
            before: The first id of the page after.

        ``GET /v1/vector_stores/{vector_store_id}/files``
        """
        return self._call(
            Call(
                "GET",
                filled_path("/v1/vector_stores/{vector_store_id}/files", vector_store_id=vector_store_id),
                is_repeatable=True,
                query={"filter": filter, "limit": limit, "order": order, "after": after, "before": before},
            ),
            answers.StoreFilesAnswer.model_validate,
        )

    def openai_iterate_store_files(
        self,
        vector_store_id: str,
        *,
        filter: Literal["in_progress", "completed", "cancelled", "failed"] | None = None,
        limit: int | None = None,
        order: Literal["asc", "desc"] | None = None,
    ) -> Iterator[answers.StoreFileAnswer]:
        """Everything that :meth:`openai_list_store_files` lists, page after page, each of ``limit``."""
        page = self.openai_list_store_files(vector_store_id, filter=filter, limit=limit, order=order)
        while True:
            yield from page.data
            if not page.has_more or page.last_id is None:
                return
            page = self.openai_list_store_files(
                vector_store_id, filter=filter, limit=limit, order=order, after=page.last_id
            )

    def openai_attach_file(
        self,
        vector_store_id: str,
        *,
        file_id: str,
        chunking_strategy: bodies.ChunkingBody | NotGiven | None = NOT_GIVEN,
        attributes: Mapping[str, bool | int | float | str] | NotGiven | None = NOT_GIVEN,
    ) -> answers.StoreFileAnswer:
        """Attach a file to a vector store.

        Have a file read into a store; `completed` means that searches find it. One that is there is read anew.

        Args:
            vector_store_id: The id of a vector store: a collection's name.

        ``POST /v1/vector_stores/{vector_store_id}/files``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/vector_stores/{vector_store_id}/files", vector_store_id=vector_store_id),
                body={"chunking_strategy": chunking_strategy, "file_id": file_id, "attributes": attributes},
            ),
            answers.StoreFileAnswer.model_validate,
        )

    def openai_get_store_file(self, vector_store_id: str, file_id: str) -> answers.StoreFileAnswer:
        """Retrieve a file in a vector store.

        How a file in a store stands; `last_error` of one in progress says why it may wait for long.

        Args:
            vector_store_id: The id of a vector store: a collection's name.
            file_id: The id of a file.

        ``GET /v1/vector_stores/{vector_store_id}/files/{file_id}``
        """
        return self._call(
            Call(
                "GET",
                filled_path(
                    "/v1/vector_stores/{vector_store_id}/files/{file_id}",
                    vector_store_id=vector_store_id,
                    file_id=file_id,
                ),
                is_repeatable=True,
            ),
            answers.StoreFileAnswer.model_validate,
        )

    def openai_update_store_file(
        self, vector_store_id: str, file_id: str, *, attributes: Mapping[str, bool | int | float | str] | None
    ) -> answers.StoreFileAnswer:
        """Change a file's attributes in a vector store.

        Give a file other attributes instead of those that it has; its documents have them as their metadata.

        Args:
            vector_store_id: The id of a vector store: a collection's name.
            file_id: The id of a file.

        ``POST /v1/vector_stores/{vector_store_id}/files/{file_id}``
        """
        return self._call(
            Call(
                "POST",
                filled_path(
                    "/v1/vector_stores/{vector_store_id}/files/{file_id}",
                    vector_store_id=vector_store_id,
                    file_id=file_id,
                ),
                body={"attributes": attributes},
            ),
            answers.StoreFileAnswer.model_validate,
        )

    def openai_detach_file(self, vector_store_id: str, file_id: str) -> answers.DeletedStoreFileAnswer:
        """Take a file out of a vector store.

        Take a file out of a store, with its documents; the file itself stays until it is deleted.

        Args:
            vector_store_id: The id of a vector store: a collection's name.
            file_id: The id of a file.

        ``DELETE /v1/vector_stores/{vector_store_id}/files/{file_id}``
        """
        return self._call(
            Call(
                "DELETE",
                filled_path(
                    "/v1/vector_stores/{vector_store_id}/files/{file_id}",
                    vector_store_id=vector_store_id,
                    file_id=file_id,
                ),
                is_repeatable=True,
            ),
            answers.DeletedStoreFileAnswer.model_validate,
        )

    def openai_get_store_file_content(self, vector_store_id: str, file_id: str) -> answers.StoreFileContentAnswer:
        """Read the text of a file in a vector store.

        The text that was read in a file; nothing while it is in progress.

        Args:
            vector_store_id: The id of a vector store: a collection's name.
            file_id: The id of a file.

        ``GET /v1/vector_stores/{vector_store_id}/files/{file_id}/content``
        """
        return self._call(
            Call(
                "GET",
                filled_path(
                    "/v1/vector_stores/{vector_store_id}/files/{file_id}/content",
                    vector_store_id=vector_store_id,
                    file_id=file_id,
                ),
                is_repeatable=True,
            ),
            answers.StoreFileContentAnswer.model_validate,
        )

    def openai_create_file_batch(
        self,
        vector_store_id: str,
        *,
        chunking_strategy: bodies.ChunkingBody | NotGiven | None = NOT_GIVEN,
        file_ids: Sequence[str] | NotGiven | None = NOT_GIVEN,
        files: Sequence[bodies.StoreFileBody] | NotGiven | None = NOT_GIVEN,
        attributes: Mapping[str, bool | int | float | str] | NotGiven | None = NOT_GIVEN,
    ) -> answers.OpenaiVectorStoresBatchAnswer:
        """Attach files to a vector store.

        Have up to 2,000 files read into a store; each succeeds or fails by itself.

        Args:
            vector_store_id: The id of a vector store: a collection's name.

        ``POST /v1/vector_stores/{vector_store_id}/file_batches``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/vector_stores/{vector_store_id}/file_batches", vector_store_id=vector_store_id),
                body={
                    "chunking_strategy": chunking_strategy,
                    "file_ids": file_ids,
                    "files": files,
                    "attributes": attributes,
                },
            ),
            answers.OpenaiVectorStoresBatchAnswer.model_validate,
        )

    def openai_get_file_batch(self, vector_store_id: str, batch_id: str) -> answers.OpenaiVectorStoresBatchAnswer:
        """Retrieve a batch of files.

        How many files of a batch are in which state; the header `x-groundwork-warnings` says what some wait for.

        Args:
            vector_store_id: The id of a vector store: a collection's name.
            batch_id: The id of a batch.

        ``GET /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}``
        """
        return self._call(
            Call(
                "GET",
                filled_path(
                    "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}",
                    vector_store_id=vector_store_id,
                    batch_id=batch_id,
                ),
                is_repeatable=True,
            ),
            answers.OpenaiVectorStoresBatchAnswer.model_validate,
        )

    def openai_cancel_file_batch(self, vector_store_id: str, batch_id: str) -> answers.OpenaiVectorStoresBatchAnswer:
        """Cancel a batch of files.

        Read no more files of a batch; what is stored stays.

        Args:
            vector_store_id: The id of a vector store: a collection's name.
            batch_id: The id of a batch.

        ``POST /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel``
        """
        return self._call(
            Call(
                "POST",
                filled_path(
                    "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel",
                    vector_store_id=vector_store_id,
                    batch_id=batch_id,
                ),
            ),
            answers.OpenaiVectorStoresBatchAnswer.model_validate,
        )

    def openai_list_batch_files(
        self,
        vector_store_id: str,
        batch_id: str,
        *,
        filter: Literal["in_progress", "completed", "cancelled", "failed"] | None = None,
        limit: int | None = None,
        order: Literal["asc", "desc"] | None = None,
        after: str | None = None,
        before: str | None = None,
    ) -> answers.StoreFilesAnswer:
        """List the files of a batch.

        The files of a batch, the last first unless `order` says otherwise.

        Args:
            vector_store_id: The id of a vector store: a collection's name.
            batch_id: The id of a batch.
            filter: Only those in this state.
            limit: How many at most.
            after: The last id of the page before.
            before: The first id of the page after.

        ``GET /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/files``
        """
        return self._call(
            Call(
                "GET",
                filled_path(
                    "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/files",
                    vector_store_id=vector_store_id,
                    batch_id=batch_id,
                ),
                is_repeatable=True,
                query={"filter": filter, "limit": limit, "order": order, "after": after, "before": before},
            ),
            answers.StoreFilesAnswer.model_validate,
        )

    def openai_iterate_batch_files(
        self,
        vector_store_id: str,
        batch_id: str,
        *,
        filter: Literal["in_progress", "completed", "cancelled", "failed"] | None = None,
        limit: int | None = None,
        order: Literal["asc", "desc"] | None = None,
    ) -> Iterator[answers.StoreFileAnswer]:
        """Everything that :meth:`openai_list_batch_files` lists, page after page, each of ``limit``."""
        page = self.openai_list_batch_files(vector_store_id, batch_id, filter=filter, limit=limit, order=order)
        while True:
            yield from page.data
            if not page.has_more or page.last_id is None:
                return
            page = self.openai_list_batch_files(
                vector_store_id, batch_id, filter=filter, limit=limit, order=order, after=page.last_id
            )

    def put_collection(self, collection: str) -> answers.CreatedCollectionAnswer:
        """Make a collection.

        Make an empty collection, unless there is one of this name. Writing a document makes its collection, too.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.

        ``PUT /v1/collections/{collection}``
        """
        return self._call(
            Call("PUT", filled_path("/v1/collections/{collection}", collection=collection), is_repeatable=True),
            answers.CreatedCollectionAnswer.model_validate,
        )

    def delete_collection(self, collection: str) -> answers.DeletedCollectionAnswer:
        """Delete a collection with all its documents; they hide as one that is deleted does.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.

        ``DELETE /v1/collections/{collection}``
        """
        return self._call(
            Call("DELETE", filled_path("/v1/collections/{collection}", collection=collection), is_repeatable=True),
            answers.DeletedCollectionAnswer.model_validate,
        )

    def list_collections(self, *, limit: int | None = None, after: str | None = None) -> answers.CollectionsAnswer:
        """List collections.

        The tenant's collections that the key opens, by name, with how many documents were written to each.

        Args:
            limit: How many at most.
            after: `next` of the page before.

        ``GET /v1/collections``
        """
        return self._call(
            Call("GET", "/v1/collections", is_repeatable=True, query={"limit": limit, "after": after}),
            answers.CollectionsAnswer.model_validate,
        )

    def iterate_collections(self, *, limit: int | None = None) -> Iterator[answers.CollectionAnswer]:
        """Everything that :meth:`list_collections` lists, page after page, each of ``limit``."""
        page = self.list_collections(limit=limit)
        while True:
            yield from page.collections
            if page.next is None:
                return
            page = self.list_collections(limit=limit, after=page.next)

    def get_document(
        self, collection: str, document_id: str, *, principals: Sequence[str] | None = None
    ) -> answers.DocumentAnswer:
        """Read a document.

        A document as it was written last, and whether searches find that version yet (`searchable`).

        `ETag` names what it holds, for `If-Match` of a later write.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.
            document_id: 1 to 512 characters, percent-encoded; slashes may stay.
            principals: Who asks: only what these may see. Left out, a key with the scope `write` sees everything,
                any other only documents without an `allow` list.

        ``GET /v1/collections/{collection}/documents/{document_id}``
        """
        return self._call(
            Call(
                "GET",
                filled_path(
                    "/v1/collections/{collection}/documents/{document_id}",
                    collection=collection,
                    document_id=document_id,
                ),
                is_repeatable=True,
                query={"principals": principals},
            ),
            answers.DocumentAnswer.model_validate,
        )

    def put_document(
        self,
        collection: str,
        document_id: str,
        *,
        title: str | NotGiven = NOT_GIVEN,
        text: str | NotGiven = NOT_GIVEN,
        url: str | NotGiven = NOT_GIVEN,
        metadata: Mapping[str, Any] | NotGiven = NOT_GIVEN,
        content_type: Literal["text/plain", "text/markdown", "text/rows"] | NotGiven = NOT_GIVEN,
        allow: Sequence[str] | NotGiven | None = NOT_GIVEN,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> answers.PutAnswer:
        """Write a document.

        Insert or replace a document; it is on disk when this answers. The same content again changes nothing.

        A write of up to 50 passages is searchable in every API process within about two seconds; a larger one
        waits for a build, which is asked for, and the answer is 202. Until then the old version goes on
        answering. A collection that is not there is made. `ETag` names what it holds now, for `If-Match` of a
        later write.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.
            document_id: 1 to 512 characters, percent-encoded; slashes may stay.
            if_match: Write only if the document has this `ETag`, or one of several, or `*`: if it is there; else
                412.
            if_none_match: `*`: write only if there is no such document yet; else 412.
            text: What is searched; cut into passages.
            metadata: What filters look at: at most 64 KiB of JSON and 10,000 values.
            allow: Who may see it: users, groups, roles. Left out, every caller of the tenant.

        ``PUT /v1/collections/{collection}/documents/{document_id}``
        """
        return self._call(
            Call(
                "PUT",
                filled_path(
                    "/v1/collections/{collection}/documents/{document_id}",
                    collection=collection,
                    document_id=document_id,
                ),
                is_repeatable=True,
                headers={"if-match": if_match, "if-none-match": if_none_match},
                body={
                    "title": title,
                    "text": text,
                    "url": url,
                    "metadata": metadata,
                    "content_type": content_type,
                    "allow": allow,
                },
            ),
            answers.PutAnswer.model_validate,
        )

    def patch_document(
        self,
        collection: str,
        document_id: str,
        *,
        title: str | NotGiven = NOT_GIVEN,
        url: str | NotGiven = NOT_GIVEN,
        metadata: Mapping[str, Any] | NotGiven = NOT_GIVEN,
        allow: Sequence[str] | NotGiven | None = NOT_GIVEN,
        if_match: str | None = None,
    ) -> answers.PutAnswer:
        """Change a document's metadata.

        Change what the body names and leave all else as it is; its metadata is merged as RFC 7396 says.

        Nothing is encoded again for it. A document of a source that is ingested again gets what the source says
        then.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.
            document_id: 1 to 512 characters, percent-encoded; slashes may stay.
            if_match: Write only if the document has this `ETag`, or one of several, or `*`: if it is there; else
                412.
            metadata: Merged into what it has, as RFC 7396 says: `null` takes a key away.
            allow: Who may see it; `null`: everyone.

        ``PATCH /v1/collections/{collection}/documents/{document_id}``
        """
        return self._call(
            Call(
                "PATCH",
                filled_path(
                    "/v1/collections/{collection}/documents/{document_id}",
                    collection=collection,
                    document_id=document_id,
                ),
                headers={"if-match": if_match},
                body={"title": title, "url": url, "metadata": metadata, "allow": allow},
            ),
            answers.PutAnswer.model_validate,
        )

    def delete_document(
        self, collection: str, document_id: str, *, if_match: str | None = None
    ) -> answers.DeletedAnswer:
        """Delete a document.

        No search of this process finds it from this answer on, and none of another one a moment later.

        What is retained on disk still holds it, until `groundwork erase`.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.
            document_id: 1 to 512 characters, percent-encoded; slashes may stay.
            if_match: Write only if the document has this `ETag`, or one of several, or `*`: if it is there; else
                412.

        ``DELETE /v1/collections/{collection}/documents/{document_id}``
        """
        return self._call(
            Call(
                "DELETE",
                filled_path(
                    "/v1/collections/{collection}/documents/{document_id}",
                    collection=collection,
                    document_id=document_id,
                ),
                is_repeatable=True,
                headers={"if-match": if_match},
            ),
            answers.DeletedAnswer.model_validate,
        )

    def list_documents_by_filter(
        self,
        collection: str,
        *,
        filters: bodies.EqualityFilter
        | bodies.OrderFilter
        | bodies.MembershipFilter
        | bodies.CompoundFilter
        | NotGiven
        | None = NOT_GIVEN,
        principals: Sequence[str] | NotGiven | None = NOT_GIVEN,
        limit: int | NotGiven = NOT_GIVEN,
        after: str | NotGiven = NOT_GIVEN,
    ) -> answers.DocumentsAnswer:
        """List documents by filter.

        Documents by id, without their texts, that fit the filters; it reads the collection up to the page's end.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.
            filters: As in a search; left out, all.
            principals: Who asks: only what these may see. Left out, a key with the scope `write` sees everything,
                any other only documents without an `allow` list.
            limit: How many at most.
            after: `next` of the page before.

        ``POST /v1/collections/{collection}/documents:list``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/collections/{collection}/documents:list", collection=collection),
                is_repeatable=True,
                body={"filters": filters, "principals": principals, "limit": limit, "after": after},
            ),
            answers.DocumentsAnswer.model_validate,
        )

    def iterate_documents_by_filter(
        self,
        collection: str,
        *,
        filters: bodies.EqualityFilter
        | bodies.OrderFilter
        | bodies.MembershipFilter
        | bodies.CompoundFilter
        | NotGiven
        | None = NOT_GIVEN,
        principals: Sequence[str] | NotGiven | None = NOT_GIVEN,
        limit: int | NotGiven = NOT_GIVEN,
    ) -> Iterator[answers.DocumentSummary]:
        """Everything that :meth:`list_documents_by_filter` lists, page after page, each of ``limit``."""
        page = self.list_documents_by_filter(collection, filters=filters, principals=principals, limit=limit)
        while True:
            yield from page.documents
            if page.next is None:
                return
            page = self.list_documents_by_filter(
                collection, filters=filters, principals=principals, limit=limit, after=page.next
            )

    def count_documents(
        self,
        collection: str,
        *,
        filters: bodies.EqualityFilter
        | bodies.OrderFilter
        | bodies.MembershipFilter
        | bodies.CompoundFilter
        | NotGiven
        | None = NOT_GIVEN,
        principals: Sequence[str] | NotGiven | None = NOT_GIVEN,
    ) -> answers.CountAnswer:
        """Count documents by filter.

        How many documents fit the filters, as they were written last; it reads the metadata of the whole
        collection.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.
            filters: As in a search; left out, all.
            principals: Who asks: only what these may see. Left out, a key with the scope `write` sees everything,
                any other only documents without an `allow` list.

        ``POST /v1/collections/{collection}/documents:count``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/collections/{collection}/documents:count", collection=collection),
                is_repeatable=True,
                body={"filters": filters, "principals": principals},
            ),
            answers.CountAnswer.model_validate,
        )

    def put_documents(
        self, collection: str, *, documents: Sequence[bodies.NamedDocumentBody]
    ) -> answers.DocumentsBatchAnswer:
        """Write many documents.

        Insert or replace up to 100 documents, all or none; as for one, up to 50 passages together are searchable
        soon.

        If some are not acceptable, none is stored, and the message names each by its index and field.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.

        ``POST /v1/collections/{collection}/documents:batch``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/collections/{collection}/documents:batch", collection=collection),
                is_repeatable=True,
                body={"documents": documents},
            ),
            answers.DocumentsBatchAnswer.model_validate,
        )

    def list_documents(
        self,
        collection: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        principals: Sequence[str] | None = None,
    ) -> answers.DocumentsAnswer:
        """List documents.

        Documents by id, without their texts. Writes between two pages neither repeat nor skip any other document.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.
            limit: How many at most.
            after: `next` of the page before.
            principals: Who asks: only what these may see. Left out, a key with the scope `write` sees everything,
                any other only documents without an `allow` list.

        ``GET /v1/collections/{collection}/documents``
        """
        return self._call(
            Call(
                "GET",
                filled_path("/v1/collections/{collection}/documents", collection=collection),
                is_repeatable=True,
                query={"limit": limit, "after": after, "principals": principals},
            ),
            answers.DocumentsAnswer.model_validate,
        )

    def iterate_documents(
        self, collection: str, *, limit: int | None = None, principals: Sequence[str] | None = None
    ) -> Iterator[answers.DocumentSummary]:
        """Everything that :meth:`list_documents` lists, page after page, each of ``limit``."""
        page = self.list_documents(collection, limit=limit, principals=principals)
        while True:
            yield from page.documents
            if page.next is None:
                return
            page = self.list_documents(collection, limit=limit, principals=principals, after=page.next)

    def delete_documents_by_filter(
        self,
        collection: str,
        *,
        filters: bodies.EqualityFilter | bodies.OrderFilter | bodies.MembershipFilter | bodies.CompoundFilter,
        principals: Sequence[str] | NotGiven | None = NOT_GIVEN,
        dry_run: bool | NotGiven = NOT_GIVEN,
    ) -> answers.DeletedByFilterAnswer:
        """Delete documents by filter.

        Delete every document whose metadata fits, with the grammar of a search's filters; `dry_run` only counts
        them.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.
            filters: As in a search.
            principals: Only documents that these may see; left out, all.
            dry_run: Only count them.

        ``POST /v1/collections/{collection}/documents:delete``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/collections/{collection}/documents:delete", collection=collection),
                is_repeatable=True,
                body={"filters": filters, "principals": principals, "dry_run": dry_run},
            ),
            answers.DeletedByFilterAnswer.model_validate,
        )

    def list_uploads(
        self,
        collection: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        state: Literal["in_progress", "completed", "cancelled", "failed"] | None = None,
    ) -> answers.UploadsAnswer:
        """List uploads.

        The files of a collection, the newest first, also those that OpenAI's routes attached to it.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.
            limit: How many at most.
            after: `next` of the page before.
            state: Only those in this state.

        ``GET /v1/collections/{collection}/uploads``
        """
        return self._call(
            Call(
                "GET",
                filled_path("/v1/collections/{collection}/uploads", collection=collection),
                is_repeatable=True,
                query={"limit": limit, "after": after, "state": state},
            ),
            answers.UploadsAnswer.model_validate,
        )

    def iterate_uploads(
        self,
        collection: str,
        *,
        limit: int | None = None,
        state: Literal["in_progress", "completed", "cancelled", "failed"] | None = None,
    ) -> Iterator[answers.UploadAnswer]:
        """Everything that :meth:`list_uploads` lists, page after page, each of ``limit``."""
        page = self.list_uploads(collection, limit=limit, state=state)
        while True:
            yield from page.uploads
            if page.next is None:
                return
            page = self.list_uploads(collection, limit=limit, state=state, after=page.next)

    def upload_files(
        self,
        collection: str,
        *,
        file: Sequence[FileInput],
        id: str | None = None,
        title: str | None = None,
        url: str | None = None,
        metadata: str | None = None,
        allow: str | None = None,
    ) -> answers.AcceptedAnswer:
        """Upload files.

        Keep files and have them read into documents, each in a process of its own; what is kept outlasts a
        restart.

        Look at the answer's `Location` until `state` is no longer `in_progress`: `completed` means that searches
        find it. A file of up to 2,000 passages is found without a build. One that is uploaded again under the
        same id replaces the document. A collection that is not there is made.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.
            file: HTML, PDF, DOCX, Markdown, text and the other kinds that `groundwork ingest` reads, or JSON
                Lines: up to 100 files, together no larger than `GROUNDWORK_MAX_UPLOAD_MB`.
            id: The document's id; left out, what the file says, else its name.
            title: Left out, what the file says.
            metadata: A JSON object, for all of the files.
            allow: A JSON list of who may see them.

        ``POST /v1/collections/{collection}/uploads``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/collections/{collection}/uploads", collection=collection),
                form={"file": file, "id": id, "title": title, "url": url, "metadata": metadata, "allow": allow},
            ),
            answers.AcceptedAnswer.model_validate,
        )

    def get_upload(self, collection: str, file_id: str) -> answers.UploadAnswer:
        """Read how an upload stands.

        One file of a collection, with its state, its documents and why it failed, if it did.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.
            file_id: The id of an upload: that of its file.

        ``GET /v1/collections/{collection}/uploads/{file_id}``
        """
        return self._call(
            Call(
                "GET",
                filled_path("/v1/collections/{collection}/uploads/{file_id}", collection=collection, file_id=file_id),
                is_repeatable=True,
            ),
            answers.UploadAnswer.model_validate,
        )

    def delete_upload(self, collection: str, file_id: str) -> answers.DeletedUploadAnswer:
        """Take an upload away.

        Cancel the reading if it goes on, and delete the file and its documents, unless they were written anew
        since.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.
            file_id: The id of an upload: that of its file.

        ``DELETE /v1/collections/{collection}/uploads/{file_id}``
        """
        return self._call(
            Call(
                "DELETE",
                filled_path("/v1/collections/{collection}/uploads/{file_id}", collection=collection, file_id=file_id),
                is_repeatable=True,
            ),
            answers.DeletedUploadAnswer.model_validate,
        )

    def list_features(self) -> answers.ViewsAnswer:
        """List document views.

        The document views that boosts may use, built in or added, in all versions.

        ``GET /v1/features``
        """
        return self._call(Call("GET", "/v1/features", is_repeatable=True), answers.ViewsAnswer.model_validate)

    def get_skew(
        self,
        *,
        tenant: str | None = None,
        from_: datetime | str | None = None,
        to: datetime | str | None = None,
        sample: float | None = None,
        limit: int | None = None,
    ) -> answers.SkewAnswer:
        """Measure skew.

        Values that a tenant's answers used, against what is recomputed for the same moments; by default of a day.

        Args:
            tenant: For the operator: another tenant than the key's own.
            from_: From this moment on, with its time zone; left out, from the first row on.
            to: Up to and without this moment; left out, up to now.
            sample: The share of documents, chosen by key hash.
            limit: The newest requests are looked at.

        ``GET /v1/features:skew``
        """
        return self._call(
            Call(
                "GET",
                "/v1/features:skew",
                is_repeatable=True,
                query={"tenant": tenant, "from": from_, "to": to, "sample": sample, "limit": limit},
            ),
            answers.SkewAnswer.model_validate,
        )

    def get_feature_view(self, view: str) -> answers.ShownViewAnswer:
        """Show a document view.

        Its definition, what is stored of it and what it lacks, and the recipes that use it.

        Args:
            view: A document view, NAME or NAME@VERSION.

        ``GET /v1/features/{view}``
        """
        return self._call(
            Call("GET", filled_path("/v1/features/{view}", view=view), is_repeatable=True),
            answers.ShownViewAnswer.model_validate,
        )

    def get_feature_view_diff(self, view: str, *, before: str) -> answers.ViewDiffAnswer:
        """Compare two document views.

        What a document view has otherwise than another, field by field of their definitions.

        Args:
            view: A document view, NAME or NAME@VERSION.
            before: The other view, NAME or NAME@VERSION.

        ``GET /v1/features/{view}/diff``
        """
        return self._call(
            Call(
                "GET", filled_path("/v1/features/{view}/diff", view=view), is_repeatable=True, query={"before": before}
            ),
            answers.ViewDiffAnswer.model_validate,
        )

    def materialise_feature_view(self, view: str, *, documents: int | None = None) -> answers.MaterialisedAnswer:
        """Compute a document view.

        Compute its values for documents that changed since, of all tenants; ask again while some are lacking.

        Args:
            view: A document view, NAME or NAME@VERSION.
            documents: How many at most.

        ``POST /v1/features/{view}/materialise``
        """
        return self._call(
            Call("POST", filled_path("/v1/features/{view}/materialise", view=view), query={"documents": documents}),
            answers.MaterialisedAnswer.model_validate,
        )

    def push_features(self, collection: str, *, view: str, rows: Sequence[bodies.PushedRow]) -> answers.PushAnswer:
        """Push feature values.

        Append values of up to 200 documents, all or none; nothing that was stored before is changed.

        Each value is known from now on, and was so from its `event_time` on. Searches that boost by the view use
        it at once. Documents that are not there are left out and named.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.
            view: A document view, NAME or NAME@VERSION.

        ``POST /v1/collections/{collection}/features:push``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/collections/{collection}/features:push", collection=collection),
                body={"view": view, "rows": rows},
            ),
            answers.PushAnswer.model_validate,
        )

    def get_features(
        self, collection: str, *, features: Sequence[str], ids: Sequence[str], as_of: str | NotGiven | None = NOT_GIVEN
    ) -> answers.ReadAnswer:
        """Read feature values.

        Values of documents as a search gets them now, or as they were known at `as_of`: nothing later counts.

        The tenant's own backend asks, so it sees those of every document.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.
            features: VIEW:COLUMN or VIEW@VERSION:COLUMN.
            as_of: As it was known then, ISO 8601; left out, as a search gets it now.

        ``POST /v1/collections/{collection}/features:get``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/collections/{collection}/features:get", collection=collection),
                is_repeatable=True,
                body={"features": features, "ids": ids, "as_of": as_of},
            ),
            answers.ReadAnswer.model_validate,
        )

    def list_build_requests(
        self, *, limit: int | None = None, after: int | None = None, tenant: str | None = None
    ) -> answers.BuildRequestsAnswer:
        """List what waits for a build.

        Builds that the tenant's writes asked for and that are not done yet, and how many of its documents wait.

        An operator sees those of all tenants, and those that the installation asked for itself, as when memory
        for fresh writes fills up.

        Args:
            limit: How many at most.
            after: `next` of the page before.
            tenant: For the operator: one tenant only; left out, all.

        ``GET /v1/build-requests``
        """
        return self._call(
            Call(
                "GET",
                "/v1/build-requests",
                is_repeatable=True,
                query={"limit": limit, "after": after, "tenant": tenant},
            ),
            answers.BuildRequestsAnswer.model_validate,
        )

    def iterate_build_requests(
        self, *, limit: int | None = None, tenant: str | None = None
    ) -> Iterator[answers.BuildRequestAnswer]:
        """Everything that :meth:`list_build_requests` lists, page after page, each of ``limit``."""
        page = self.list_build_requests(limit=limit, tenant=tenant)
        while True:
            yield from page.requests
            if page.next is None:
                return
            page = self.list_build_requests(limit=limit, tenant=tenant, after=page.next)

    def list_tenants(self, *, limit: int | None = None, after: str | None = None) -> answers.TenantsAnswer:
        """List tenants.

        For the operator: tenants by name, revoked ones included.

        Args:
            limit: How many at most.
            after: `next` of the page before; left out for the first.

        ``GET /v1/tenants``
        """
        return self._call(
            Call("GET", "/v1/tenants", is_repeatable=True, query={"limit": limit, "after": after}),
            answers.TenantsAnswer.model_validate,
        )

    def iterate_tenants(self, *, limit: int | None = None) -> Iterator[answers.TenantAnswer]:
        """Everything that :meth:`list_tenants` lists, page after page, each of ``limit``."""
        page = self.list_tenants(limit=limit)
        while True:
            yield from page.tenants
            if page.next is None:
                return
            page = self.list_tenants(limit=limit, after=page.next)

    def create_tenant(
        self,
        *,
        name: str,
        max_documents: int | NotGiven | None = NOT_GIVEN,
        max_passages: int | NotGiven | None = NOT_GIVEN,
        requests_per_minute: int | NotGiven | None = NOT_GIVEN,
        log_queries: bool | NotGiven = NOT_GIVEN,
    ) -> answers.TenantAnswer:
        """Make a tenant.

        For the operator. The tenant has no key yet: `POST /v1/keys?tenant=NAME` makes one.

        Args:
            max_documents: Documents it may hold; null for no limit.
            max_passages: Passages it may hold, as counted by builds; null for no limit.
            requests_per_minute: Requests it may send in a minute; null for no limit.
            log_queries: Whether its queries' texts may stand in the log, where logs hold any.
            name: 1 to 128 printable characters in NFKC form, no '/'.

        ``POST /v1/tenants``
        """
        return self._call(
            Call(
                "POST",
                "/v1/tenants",
                body={
                    "max_documents": max_documents,
                    "max_passages": max_passages,
                    "requests_per_minute": requests_per_minute,
                    "log_queries": log_queries,
                    "name": name,
                },
            ),
            answers.TenantAnswer.model_validate,
        )

    def get_tenant(self, tenant: str) -> answers.TenantAnswer:
        """Show a tenant.

        Limits and what is used of them, of the caller's own tenant; the operator sees any.

        ``GET /v1/tenants/{tenant}``
        """
        return self._call(
            Call("GET", filled_path("/v1/tenants/{tenant}", tenant=tenant), is_repeatable=True),
            answers.TenantAnswer.model_validate,
        )

    def change_tenant(
        self,
        tenant: str,
        *,
        max_documents: int | NotGiven | None = NOT_GIVEN,
        max_passages: int | NotGiven | None = NOT_GIVEN,
        requests_per_minute: int | NotGiven | None = NOT_GIVEN,
        log_queries: bool | NotGiven = NOT_GIVEN,
    ) -> answers.TenantAnswer:
        """Change a tenant's limits.

        For the operator. A limit that is not named stays, `null` takes it away; what the tenant holds stays.

        Args:
            max_documents: Documents it may hold; null for no limit.
            max_passages: Passages it may hold, as counted by builds; null for no limit.
            requests_per_minute: Requests it may send in a minute; null for no limit.
            log_queries: Whether its queries' texts may stand in the log, where logs hold any.

        ``PATCH /v1/tenants/{tenant}``
        """
        return self._call(
            Call(
                "PATCH",
                filled_path("/v1/tenants/{tenant}", tenant=tenant),
                body={
                    "max_documents": max_documents,
                    "max_passages": max_passages,
                    "requests_per_minute": requests_per_minute,
                    "log_queries": log_queries,
                },
            ),
            answers.TenantAnswer.model_validate,
        )

    def revoke_tenant(self, tenant: str) -> answers.TenantAnswer:
        """Revoke a tenant.

        For the operator: none of its keys opens anything from now on. Its documents stay until they are erased.

        ``DELETE /v1/tenants/{tenant}``
        """
        return self._call(
            Call("DELETE", filled_path("/v1/tenants/{tenant}", tenant=tenant), is_repeatable=True),
            answers.TenantAnswer.model_validate,
        )

    def list_keys(
        self, *, limit: int | None = None, after: str | None = None, tenant: str | None = None
    ) -> answers.KeysAnswer:
        """List keys.

        The keys of the caller's tenant, the oldest first, expired and revoked ones included; never their secrets.

        Args:
            limit: How many at most.
            after: `next` of the page before; left out for the first.
            tenant: For the operator: another tenant than the key's own.

        ``GET /v1/keys``
        """
        return self._call(
            Call("GET", "/v1/keys", is_repeatable=True, query={"limit": limit, "after": after, "tenant": tenant}),
            answers.KeysAnswer.model_validate,
        )

    def iterate_keys(self, *, limit: int | None = None, tenant: str | None = None) -> Iterator[answers.KeyAnswer]:
        """Everything that :meth:`list_keys` lists, page after page, each of ``limit``."""
        page = self.list_keys(limit=limit, tenant=tenant)
        while True:
            yield from page.keys
            if page.next is None:
                return
            page = self.list_keys(limit=limit, tenant=tenant, after=page.next)

    def create_key(
        self,
        *,
        tenant: str | None = None,
        name: str | NotGiven = NOT_GIVEN,
        scopes: Sequence[Literal["search", "write", "admin"]] | NotGiven = NOT_GIVEN,
        expires_at: datetime | str | NotGiven | None = NOT_GIVEN,
        collections: Sequence[str] | NotGiven | None = NOT_GIVEN,
        principals: Sequence[str] | NotGiven | None = NOT_GIVEN,
    ) -> answers.NewKeyAnswer:
        """Make a key.

        The secret is in this answer and nowhere else. A key can do no more than its maker, nor for longer.

        Args:
            tenant: For the operator: another tenant than the key's own.
            name: What it is for.
            scopes: What it may do; no more than the key that makes it.
            expires_at: When it stops opening anything; null for never.
            collections: The collections that it opens, there already or not; null for all. Not with `admin`.
            principals: Whom it asks for: its searches see what these may see, and never more; null for whom each
                request names. Only with `search` alone.

        ``POST /v1/keys``
        """
        return self._call(
            Call(
                "POST",
                "/v1/keys",
                query={"tenant": tenant},
                body={
                    "name": name,
                    "scopes": scopes,
                    "expires_at": expires_at,
                    "collections": collections,
                    "principals": principals,
                },
            ),
            answers.NewKeyAnswer.model_validate,
        )

    def revoke_key(self, key_id: str, *, tenant: str | None = None) -> answers.KeyAnswer:
        """Revoke a key.

        It opens nothing from the next request on, for ever. An operator's key needs an operator.

        Args:
            tenant: For the operator: another tenant than the key's own.

        ``DELETE /v1/keys/{key_id}``
        """
        return self._call(
            Call(
                "DELETE", filled_path("/v1/keys/{key_id}", key_id=key_id), is_repeatable=True, query={"tenant": tenant}
            ),
            answers.KeyAnswer.model_validate,
        )

    def get_ledger_requests(
        self, request_id: str, *, from_: datetime | str | None = None, to: datetime | str | None = None
    ) -> answers.LedgerRequestsAnswer:
        """What served a request.

        By the `query_id` of an answer, a ledger id, or the caller's own `x-request-id` between `from` and `to`.

        Args:
            request_id: `query_id` or `x-request-id`.
            from_: From this moment on, with its time zone; left out, from the first row on.
            to: Up to and without this moment; left out, up to now.

        ``GET /v1/ledger/requests/{request_id}``
        """
        return self._call(
            Call(
                "GET",
                filled_path("/v1/ledger/requests/{request_id}", request_id=request_id),
                is_repeatable=True,
                query={"from": from_, "to": to},
            ),
            answers.LedgerRequestsAnswer.model_validate,
        )

    def get_ledger_served(
        self,
        *,
        tenant: str | None = None,
        from_: datetime | str | None = None,
        to: datetime | str | None = None,
        limit: int | None = None,
    ) -> answers.ServedAnswer:
        """What served a tenant.

        The share of each release and arm in a tenant's answers between `from` and `to`, and its newest requests.

        Args:
            tenant: For the operator: another tenant than the key's own.
            from_: From this moment on, with its time zone; left out, from the first row on.
            to: Up to and without this moment; left out, up to now.
            limit: How many of the newest requests to list.

        ``GET /v1/ledger/served``
        """
        return self._call(
            Call(
                "GET",
                "/v1/ledger/served",
                is_repeatable=True,
                query={"tenant": tenant, "from": from_, "to": to, "limit": limit},
            ),
            answers.ServedAnswer.model_validate,
        )

    def get_ledger_model(
        self,
        *,
        model: str,
        from_: datetime | str | None = None,
        to: datetime | str | None = None,
        limit: int | None = None,
    ) -> answers.ModelAnswersAnswer:
        """What a model answered.

        Every answer of the recipes that hold a model version, as encoder or as reranker, of all tenants.

        Args:
            model: A model version, `NAME@VERSION`.
            from_: From this moment on, with its time zone; left out, from the first row on.
            to: Up to and without this moment; left out, up to now.
            limit: How many of the newest requests to list.

        ``GET /v1/ledger/model``
        """
        return self._call(
            Call(
                "GET",
                "/v1/ledger/model",
                is_repeatable=True,
                query={"model": model, "from": from_, "to": to, "limit": limit},
            ),
            answers.ModelAnswersAnswer.model_validate,
        )

    def replay_request(self, *, query_id: str, timeout_ms: float | None = None) -> answers.ReplayAnswer:
        """Answer a request again.

        Answer a request of the ledger over the very documents that it saw, and compare every score to the bit.

        One is answered at a time in each process, by a release that is open in it; the command `groundwork
        replay` opens any that is retained.

        Args:
            timeout_ms: Milliseconds after which the answer is worth nothing any more.
            query_id: The `query_id` of an answer, or a ledger id.

        ``POST /v1/replay``
        """
        return self._call(
            Call("POST", "/v1/replay", is_repeatable=True, timeout_ms=timeout_ms, body={"query_id": query_id}),
            answers.ReplayAnswer.model_validate,
        )

    def list_preparations(self, *, limit: int | None = None, before: int | None = None) -> answers.PreparationsAnswer:
        """List preparations.

        Those that wait, that are built, and that are over, the newest first.

        Args:
            limit: How many at most.
            before: `next` of the page before.

        ``GET /v1/preparations``
        """
        return self._call(
            Call("GET", "/v1/preparations", is_repeatable=True, query={"limit": limit, "before": before}),
            answers.PreparationsAnswer.model_validate,
        )

    def prepare_recipe(
        self,
        *,
        reason: str | NotGiven = NOT_GIVEN,
        model: str | NotGiven | None = NOT_GIVEN,
        view: str | NotGiven | None = NOT_GIVEN,
        precision: Literal["int8", "fp32"] | NotGiven | None = NOT_GIVEN,
        language: str | NotGiven | None = NOT_GIVEN,
        approximate_above: int | NotGiven | None = NOT_GIVEN,
        conversation: str | NotGiven | None = NOT_GIVEN,
        reranker: str | NotGiven | None = NOT_GIVEN,
        rerank_depth: int | NotGiven | None = NOT_GIVEN,
        rerank_budget_ms: int | NotGiven | None = NOT_GIVEN,
        dense_weight: float | NotGiven | None = NOT_GIVEN,
        bm25_k1: float | NotGiven | None = NOT_GIVEN,
        bm25_b: float | NotGiven | None = NOT_GIVEN,
        candidates: int | NotGiven | None = NOT_GIVEN,
        boost: Sequence[str] | NotGiven = NOT_GIVEN,
        leg_rule: Literal["self-retrieval", "none"] | NotGiven | None = NOT_GIVEN,
        calibration: Literal["leg-check", "general"] | NotGiven | None = NOT_GIVEN,
        tenants: Sequence[str] | NotGiven | None = NOT_GIVEN,
        dry_run: bool | NotGiven = NOT_GIVEN,
    ) -> answers.PreparationAnswer:
        """Prepare another recipe.

        Have the recipe in service built with changes beside it; it ends as a proposed rollout, or as nothing.

        A builder does it: it says first what it costs, then builds. Searches and writes go on, and builds that
        they need go first. Ask for it by its id.

        Args:
            model: Model version, as `groundwork models list` has it.
            view: Passage view.
            precision: Compiled form of the model.
            language: Of the lexical leg: a Snowball language, chinese, japanese, thai, korean, none, or auto.
            approximate_above: Passages above which a collection gets an approximate index; 0 for never.
            conversation: Conversation view, or `none`.
            reranker: A registered reranker for the second pass, or `none`.
            rerank_depth: How many hits it scores again.
            rerank_budget_ms: Milliseconds for that; late is skipped.
            dense_weight: What meaning counts beside words in mode hybrid.
            bm25_k1: How much a further occurrence of a word counts.
            bm25_b: How much a passage's length counts against it.
            candidates: Passages that each leg gives to be fused.
            boost: Each `VIEW:COLUMN=WEIGHT,SATURATION`; `none` alone takes all out.
            leg_rule: Whether a leg that cannot find a collection's own documents loses its weight there.
            calibration: Score by the curves of this version, moved for each collection as its build finds, or
                not.
            tenants: Whose requests try it; null for all. It is built for all the same.
            dry_run: Only say what it costs.

        ``POST /v1/preparations``
        """
        return self._call(
            Call(
                "POST",
                "/v1/preparations",
                body={
                    "reason": reason,
                    "model": model,
                    "view": view,
                    "precision": precision,
                    "language": language,
                    "approximate_above": approximate_above,
                    "conversation": conversation,
                    "reranker": reranker,
                    "rerank_depth": rerank_depth,
                    "rerank_budget_ms": rerank_budget_ms,
                    "dense_weight": dense_weight,
                    "bm25_k1": bm25_k1,
                    "bm25_b": bm25_b,
                    "candidates": candidates,
                    "boost": boost,
                    "leg_rule": leg_rule,
                    "calibration": calibration,
                    "tenants": tenants,
                    "dry_run": dry_run,
                },
            ),
            answers.PreparationAnswer.model_validate,
        )

    def get_preparation(self, preparation: int) -> answers.PreparationAnswer:
        """Show a preparation.

        What it costs, how far it is, and what came of it.

        Args:
            preparation: The preparation's id.

        ``GET /v1/preparations/{preparation}``
        """
        return self._call(
            Call("GET", filled_path("/v1/preparations/{preparation}", preparation=preparation), is_repeatable=True),
            answers.PreparationAnswer.model_validate,
        )

    def cancel_preparation(self, preparation: int) -> answers.PreparationAnswer:
        """Cancel a preparation.

        Stop it: there is no release and no rollout then, and what was computed stays until it is collected.

        Args:
            preparation: The preparation's id.

        ``POST /v1/preparations/{preparation}/cancel``
        """
        return self._call(
            Call("POST", filled_path("/v1/preparations/{preparation}/cancel", preparation=preparation)),
            answers.PreparationAnswer.model_validate,
        )

    def list_releases(self) -> answers.ReleasesAnswer:
        """List releases.

        All releases: which is in service, which others are open and why, and how many documents each lacks.

        ``GET /v1/releases``
        """
        return self._call(Call("GET", "/v1/releases", is_repeatable=True), answers.ReleasesAnswer.model_validate)

    def promote_release(
        self,
        *,
        release: str,
        reason: str | NotGiven = NOT_GIVEN,
        standby_seconds: float | NotGiven = NOT_GIVEN,
        anyway: bool | NotGiven = NOT_GIVEN,
        override: str | NotGiven | None = NOT_GIVEN,
    ) -> answers.PromotedAnswer:
        """Promote a release.

        Put a release's recipe in service for everyone; its newest build answers.

        Args:
            release: `13.2`, or `13` for its newest build.
            anyway: Also a recipe that was just taken back or lacks documents.
            override: Why it answers without the verdict it needs; kept for ever.

        ``POST /v1/releases:promote``
        """
        return self._call(
            Call(
                "POST",
                "/v1/releases:promote",
                body={
                    "reason": reason,
                    "release": release,
                    "standby_seconds": standby_seconds,
                    "anyway": anyway,
                    "override": override,
                },
            ),
            answers.PromotedAnswer.model_validate,
        )

    def roll_back_release(
        self,
        *,
        reason: str | NotGiven = NOT_GIVEN,
        to: str | NotGiven | None = NOT_GIVEN,
        anyway: bool | NotGiven = NOT_GIVEN,
    ) -> answers.RolledBackAnswer:
        """Roll back.

        Take back what was done last: an open canary gets nothing more, else the recipe before is in service
        again.

        Args:
            to: Put this release's recipe in service, however long ago it was.
            anyway: Also to a recipe that lacks documents.

        ``POST /v1/releases:rollback``
        """
        return self._call(
            Call("POST", "/v1/releases:rollback", body={"reason": reason, "to": to, "anyway": anyway}),
            answers.RolledBackAnswer.model_validate,
        )

    def list_pins(self) -> answers.PinsAnswer:
        """List pins.

        Every tenant that is pinned, held back or chosen to be first.

        ``GET /v1/pins``
        """
        return self._call(Call("GET", "/v1/pins", is_repeatable=True), answers.PinsAnswer.model_validate)

    def put_pin(
        self,
        tenant: str,
        *,
        kind: Literal["pinned", "held_back", "first"],
        reason: str | NotGiven = NOT_GIVEN,
        release: str | NotGiven | None = NOT_GIVEN,
        anyway: bool | NotGiven = NOT_GIVEN,
        override: str | NotGiven | None = NOT_GIVEN,
    ) -> answers.PinAnswer:
        """Pin a tenant.

        Take a tenant out of shares and tests: one recipe for good, never a candidate, or each candidate.

        Args:
            release: With `pinned`: by whose recipe it is answered.
            anyway: Also to a recipe that lacks documents which the one in service has.
            override: Why it answers without the verdict it needs; kept for ever.

        ``PUT /v1/pins/{tenant}``
        """
        return self._call(
            Call(
                "PUT",
                filled_path("/v1/pins/{tenant}", tenant=tenant),
                is_repeatable=True,
                body={"reason": reason, "kind": kind, "release": release, "anyway": anyway, "override": override},
            ),
            answers.PinAnswer.model_validate,
        )

    def delete_pin(self, tenant: str) -> answers.PinsAnswer:
        """Unpin a tenant.

        Let shares and tests decide about the tenant again; gives the pins that are left.

        ``DELETE /v1/pins/{tenant}``
        """
        return self._call(
            Call("DELETE", filled_path("/v1/pins/{tenant}", tenant=tenant), is_repeatable=True),
            answers.PinsAnswer.model_validate,
        )

    def get_legs(self, collection: str) -> answers.LegsAnswer:
        """Show the leg check.

        What the build found out about the legs of a collection: languages, what each leg finds, and what they
        weigh.

        A sample is a passage whose document must be found by a piece of its own text.

        Args:
            collection: 1 to 128 printable characters in NFKC form, no '/'.

        ``GET /v1/collections/{collection}/legs``
        """
        return self._call(
            Call("GET", filled_path("/v1/collections/{collection}/legs", collection=collection), is_repeatable=True),
            answers.LegsAnswer.model_validate,
        )

    def get_release(self, release: str) -> answers.ReleaseLineageAnswer:
        """Show a release.

        Everything that went into a release: model, views, analyser, settings, snapshot, who, when, on what
        evidence.

        Args:
            release: `13.2`, or `13` for its newest build.

        ``GET /v1/releases/{release}``
        """
        return self._call(
            Call("GET", filled_path("/v1/releases/{release}", release=release), is_repeatable=True),
            answers.ReleaseLineageAnswer.model_validate,
        )

    def get_release_diff(self, release: str, *, before: str) -> answers.ReleaseDiffAnswer:
        """Compare two releases.

        What a release has otherwise than another: its recipe field by field, and its documents.

        Args:
            release: `13.2`, or `13` for its newest build.
            before: The other release, `12.3` or `12`.

        ``GET /v1/releases/{release}/diff``
        """
        return self._call(
            Call(
                "GET",
                filled_path("/v1/releases/{release}/diff", release=release),
                is_repeatable=True,
                query={"before": before},
            ),
            answers.ReleaseDiffAnswer.model_validate,
        )

    def get_lineage(
        self,
        *,
        of: Literal["model", "view", "snapshot", "release", "document", "passage", "request"],
        id: str,
        from_: datetime | str | None = None,
        to: datetime | str | None = None,
        limit: int | None = None,
        release: str | None = None,
    ) -> answers.LineageAnswer:
        """Ask for lineage.

        What a model, view, snapshot, release, document, passage or request is made of, and what came of it.

        Args:
            of: What `id` names.
            id: A model or view as `NAME@VERSION`, a snapshot's id, a release's number, a document as
                `TENANT/COLLECTION/ID`, a passage as `TENANT/COLLECTION/ID#ORDINAL`, or a request by `query_id`,
                ledger id or `x-request-id`.
            from_: Answers from this moment on.
            to: Answers up to and without this moment.
            limit: How many of the newest answers to list.
            release: Of a document or passage: as this release (`13.2`) holds it; by default the one in service.

        ``GET /v1/lineage``
        """
        return self._call(
            Call(
                "GET",
                "/v1/lineage",
                is_repeatable=True,
                query={"of": of, "id": id, "from": from_, "to": to, "limit": limit, "release": release},
            ),
            answers.LineageAnswer.model_validate,
        )

    def list_rollouts(self) -> answers.RolloutsAnswer:
        """List rollouts.

        All rollouts, the newest first.

        ``GET /v1/rollouts``
        """
        return self._call(Call("GET", "/v1/rollouts", is_repeatable=True), answers.RolloutsAnswer.model_validate)

    def propose_rollout(
        self,
        *,
        release: str,
        reason: str | NotGiven = NOT_GIVEN,
        tenants: Sequence[str] | NotGiven | None = NOT_GIVEN,
        first: Sequence[str] | NotGiven = NOT_GIVEN,
    ) -> answers.RolloutAnswer:
        """Propose a recipe.

        Propose a release's recipe against the one in service; it gets no traffic yet.

        Args:
            release: `13.2`, or `13` for its newest build.
            tenants: Whose requests it concerns; null for all.
            first: Who gets it whatever the share.

        ``POST /v1/rollouts``
        """
        return self._call(
            Call(
                "POST", "/v1/rollouts", body={"reason": reason, "release": release, "tenants": tenants, "first": first}
            ),
            answers.RolloutAnswer.model_validate,
        )

    def get_rollout(self, rollout: int) -> answers.RolloutPageAnswer:
        """Show a rollout.

        What it does, what its guards say now, and every decision about it.

        Args:
            rollout: The rollout's id.

        ``GET /v1/rollouts/{rollout}``
        """
        return self._call(
            Call("GET", filled_path("/v1/rollouts/{rollout}", rollout=rollout), is_repeatable=True),
            answers.RolloutPageAnswer.model_validate,
        )

    def shadow_rollout(
        self,
        rollout: int,
        *,
        decides: str,
        reason: str | NotGiven = NOT_GIVEN,
        version: int | NotGiven | None = NOT_GIVEN,
        ends_at: datetime | str | NotGiven | None = NOT_GIVEN,
        max_queries: int | NotGiven | None = NOT_GIVEN,
        share: float | NotGiven = NOT_GIVEN,
    ) -> answers.RolloutAnswer:
        """Start a shadow.

        The candidate answers copies of queries, after the users were answered.

        Args:
            rollout: The rollout's id.
            version: The rollout's `version` that was decided on: 409 if it was changed since.
            ends_at: When it is over.
            max_queries: After how many queries it is over.
            share: The part of the queries that is copied.
            decides: What it is to decide.

        ``POST /v1/rollouts/{rollout}/shadow``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/rollouts/{rollout}/shadow", rollout=rollout),
                body={
                    "reason": reason,
                    "version": version,
                    "ends_at": ends_at,
                    "max_queries": max_queries,
                    "share": share,
                    "decides": decides,
                },
            ),
            answers.RolloutAnswer.model_validate,
        )

    def canary_rollout(
        self,
        rollout: int,
        *,
        reason: str | NotGiven = NOT_GIVEN,
        version: int | NotGiven | None = NOT_GIVEN,
        share: float | NotGiven | None = NOT_GIVEN,
        steps: Sequence[bodies.StepBody] | NotGiven | None = NOT_GIVEN,
        unit: Literal["tenant", "user", "request"] | NotGiven = NOT_GIVEN,
        anyway: bool | NotGiven = NOT_GIVEN,
        override: str | NotGiven | None = NOT_GIVEN,
    ) -> answers.RolloutAnswer:
        """Start a canary.

        The candidate gets a share of tenants, users or requests; each keeps what it got while the share grows.

        Args:
            rollout: The rollout's id.
            version: The rollout's `version` that was decided on: 409 if it was changed since.
            share: The candidate's share; stays until it is changed.
            steps: What a watcher goes through; shares grow.
            unit: What gets the candidate as one.
            anyway: Also a recipe that lacks documents which the one in service answers with.
            override: Why it answers without the verdict it needs; kept for ever.

        ``POST /v1/rollouts/{rollout}/canary``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/rollouts/{rollout}/canary", rollout=rollout),
                body={
                    "reason": reason,
                    "version": version,
                    "share": share,
                    "steps": steps,
                    "unit": unit,
                    "anyway": anyway,
                    "override": override,
                },
            ),
            answers.RolloutAnswer.model_validate,
        )

    def ab_test_rollout(
        self,
        rollout: int,
        *,
        measure: Literal["latency_ms", "error_rate", "empty_rate", "warning_rate"],
        margin: float,
        reason: str | NotGiven = NOT_GIVEN,
        version: int | NotGiven | None = NOT_GIVEN,
        ends_at: datetime | str | NotGiven | None = NOT_GIVEN,
        max_queries: int | NotGiven | None = NOT_GIVEN,
        share: float | NotGiven = NOT_GIVEN,
        unit: Literal["tenant", "user", "request"] | NotGiven = NOT_GIVEN,
        level: float | NotGiven = NOT_GIVEN,
        anyway: bool | NotGiven = NOT_GIVEN,
    ) -> answers.RolloutAnswer:
        """Start an A/B test.

        Compare both recipes by a measure that is stated beforehand; a watcher ends it with its conclusion.

        Args:
            rollout: The rollout's id.
            version: The rollout's `version` that was decided on: 409 if it was changed since.
            ends_at: When it is over.
            max_queries: After how many queries it is over.
            margin: The difference that does not matter, in the measure's unit.
            level: The chance of finding a difference that is none.
            anyway: Also a recipe that lacks documents which the one in service answers with.

        ``POST /v1/rollouts/{rollout}/ab``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/rollouts/{rollout}/ab", rollout=rollout),
                body={
                    "reason": reason,
                    "version": version,
                    "ends_at": ends_at,
                    "max_queries": max_queries,
                    "share": share,
                    "unit": unit,
                    "measure": measure,
                    "margin": margin,
                    "level": level,
                    "anyway": anyway,
                },
            ),
            answers.RolloutAnswer.model_validate,
        )

    def interleave_rollout(
        self,
        rollout: int,
        *,
        reason: str | NotGiven = NOT_GIVEN,
        version: int | NotGiven | None = NOT_GIVEN,
        ends_at: datetime | str | NotGiven | None = NOT_GIVEN,
        max_queries: int | NotGiven | None = NOT_GIVEN,
        share: float | NotGiven | None = NOT_GIVEN,
        steps: Sequence[bodies.StepBody] | NotGiven | None = NOT_GIVEN,
        unit: Literal["tenant", "user", "request"] | NotGiven = NOT_GIVEN,
        margin: float | NotGiven = NOT_GIVEN,
        level: float | NotGiven = NOT_GIVEN,
        anyway: bool | NotGiven = NOT_GIVEN,
    ) -> answers.RolloutAnswer:
        """Start an interleaving.

        Both recipes answer a search together, and clicks say which wins; a watcher ends it with its conclusion.

        Args:
            rollout: The rollout's id.
            version: The rollout's `version` that was decided on: 409 if it was changed since.
            ends_at: When it is over.
            max_queries: After how many queries it is over.
            share: The part of the units that get hits of both; 0.5.
            steps: What a watcher goes through; shares grow.
            unit: What votes as one.
            margin: How far from one half the candidate's part of the wins does not matter.
            level: The chance of finding a preference that is none.
            anyway: Also a recipe that lacks documents which the one in service answers with.

        ``POST /v1/rollouts/{rollout}/interleaving``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/rollouts/{rollout}/interleaving", rollout=rollout),
                body={
                    "reason": reason,
                    "version": version,
                    "ends_at": ends_at,
                    "max_queries": max_queries,
                    "share": share,
                    "steps": steps,
                    "unit": unit,
                    "margin": margin,
                    "level": level,
                    "anyway": anyway,
                },
            ),
            answers.RolloutAnswer.model_validate,
        )

    def share_rollout(
        self,
        rollout: int,
        *,
        share: float,
        reason: str | NotGiven = NOT_GIVEN,
        version: int | NotGiven | None = NOT_GIVEN,
        override: str | NotGiven | None = NOT_GIVEN,
    ) -> answers.RolloutAnswer:
        """Set the share.

        Set the candidate's share by hand; its steps, if it has any, are over then.

        Args:
            rollout: The rollout's id.
            version: The rollout's `version` that was decided on: 409 if it was changed since.
            override: Why it answers without the verdict it needs; kept for ever.

        ``POST /v1/rollouts/{rollout}/share``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/rollouts/{rollout}/share", rollout=rollout),
                body={"reason": reason, "version": version, "share": share, "override": override},
            ),
            answers.RolloutAnswer.model_validate,
        )

    def pause_rollout(
        self, rollout: int, *, reason: str | NotGiven = NOT_GIVEN, version: int | NotGiven | None = NOT_GIVEN
    ) -> answers.RolloutAnswer:
        """Pause a rollout.

        The candidate gets nothing until it is resumed; it stays open.

        Args:
            rollout: The rollout's id.
            version: The rollout's `version` that was decided on: 409 if it was changed since.

        ``POST /v1/rollouts/{rollout}/pause``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/rollouts/{rollout}/pause", rollout=rollout),
                body={"reason": reason, "version": version},
            ),
            answers.RolloutAnswer.model_validate,
        )

    def resume_rollout(
        self, rollout: int, *, reason: str | NotGiven = NOT_GIVEN, version: int | NotGiven | None = NOT_GIVEN
    ) -> answers.RolloutAnswer:
        """Resume a rollout.

        Go on where it was paused; what is observed counts from now on.

        Args:
            rollout: The rollout's id.
            version: The rollout's `version` that was decided on: 409 if it was changed since.

        ``POST /v1/rollouts/{rollout}/resume``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/rollouts/{rollout}/resume", rollout=rollout),
                body={"reason": reason, "version": version},
            ),
            answers.RolloutAnswer.model_validate,
        )

    def reject_rollout(
        self, rollout: int, *, reason: str | NotGiven = NOT_GIVEN, version: int | NotGiven | None = NOT_GIVEN
    ) -> answers.RolloutAnswer:
        """Reject a candidate.

        Decide against the candidate; it gets nothing from now on.

        Args:
            rollout: The rollout's id.
            version: The rollout's `version` that was decided on: 409 if it was changed since.

        ``POST /v1/rollouts/{rollout}/reject``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/rollouts/{rollout}/reject", rollout=rollout),
                body={"reason": reason, "version": version},
            ),
            answers.RolloutAnswer.model_validate,
        )

    def end_rollout(
        self, rollout: int, *, reason: str | NotGiven = NOT_GIVEN, version: int | NotGiven | None = NOT_GIVEN
    ) -> answers.RolloutAnswer:
        """End a trial.

        End the trial without a decision; the candidate gets nothing from now on. An A/B test is inconclusive
        then.

        Args:
            rollout: The rollout's id.
            version: The rollout's `version` that was decided on: 409 if it was changed since.

        ``POST /v1/rollouts/{rollout}/end``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/rollouts/{rollout}/end", rollout=rollout),
                body={"reason": reason, "version": version},
            ),
            answers.RolloutAnswer.model_validate,
        )

    def promote_rollout(
        self,
        rollout: int,
        *,
        reason: str | NotGiven = NOT_GIVEN,
        version: int | NotGiven | None = NOT_GIVEN,
        standby_seconds: float | NotGiven = NOT_GIVEN,
        anyway: bool | NotGiven = NOT_GIVEN,
        override: str | NotGiven | None = NOT_GIVEN,
    ) -> answers.PromotedAnswer:
        """Promote a candidate.

        Put the candidate in service for everyone; the recipe before stays open for `standby_seconds`.

        Args:
            rollout: The rollout's id.
            version: The rollout's `version` that was decided on: 409 if it was changed since.
            standby_seconds: How long the recipe before stays open; 0 for not at all.
            anyway: Also a recipe that lacks documents which the one in service answers with.
            override: Why it answers without the verdict it needs; kept for ever.

        ``POST /v1/rollouts/{rollout}/promote``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/rollouts/{rollout}/promote", rollout=rollout),
                body={
                    "reason": reason,
                    "version": version,
                    "standby_seconds": standby_seconds,
                    "anyway": anyway,
                    "override": override,
                },
            ),
            answers.PromotedAnswer.model_validate,
        )

    def roll_back_rollout(
        self,
        rollout: int,
        *,
        reason: str | NotGiven = NOT_GIVEN,
        version: int | NotGiven | None = NOT_GIVEN,
        anyway: bool | NotGiven = NOT_GIVEN,
    ) -> answers.RolledBackAnswer:
        """Roll a rollout back.

        Take this rollout back, open or promoted, and nothing else.

        Args:
            rollout: The rollout's id.
            version: The rollout's `version` that was decided on: 409 if it was changed since.
            anyway: Also to a recipe that lacks documents.

        ``POST /v1/rollouts/{rollout}/rollback``
        """
        return self._call(
            Call(
                "POST",
                filled_path("/v1/rollouts/{rollout}/rollback", rollout=rollout),
                body={"reason": reason, "version": version, "anyway": anyway},
            ),
            answers.RolledBackAnswer.model_validate,
        )

    def list_alerts(self, *, acknowledged: bool | None = None, limit: int | None = None) -> answers.AlertsAnswer:
        """List alerts.

        What a person should know of quality, such as drift: each is said once until it is acknowledged.

        Args:
            acknowledged: Also those that were acknowledged.
            limit: How many at most.

        ``GET /v1/alerts``
        """
        return self._call(
            Call("GET", "/v1/alerts", is_repeatable=True, query={"acknowledged": acknowledged, "limit": limit}),
            answers.AlertsAnswer.model_validate,
        )

    def acknowledge_alert(self, alert: int, *, note: str | NotGiven = NOT_GIVEN) -> answers.AlertAnswer:
        """Acknowledge an alert.

        Say that it is known; of drift, what is asked from now on is the reference of later looks.

        Args:
            alert: The alert's id.
            note: What is known of it, or done about it.

        ``POST /v1/alerts/{alert}:acknowledge``
        """
        return self._call(
            Call("POST", filled_path("/v1/alerts/{alert}:acknowledge", alert=alert), body={"note": note}),
            answers.AlertAnswer.model_validate,
        )

    def rerank_v1(self, body: bodies.RerankBody, *, timeout_ms: float | None = None) -> answers.RerankAnswer:
        """Rank texts that come with the request: by the reranker of the recipe in service, else by its embedding
        model.

        `documents` are answered as Cohere does, `texts` as Text Embeddings Inference does. Nothing of it is
        stored.

        Args:
            timeout_ms: Milliseconds after which the answer is worth nothing any more.

        ``POST /v1/rerank``
        """
        return self._call(
            Call("POST", "/v1/rerank", is_repeatable=True, timeout_ms=timeout_ms, body=body),
            answers.RerankAnswerReader.validate_python,
        )

    def rerank_v2(self, body: bodies.RerankBody, *, timeout_ms: float | None = None) -> answers.RerankAnswer:
        """Rank texts that come with the request: by the reranker of the recipe in service, else by its embedding
        model.

        `documents` are answered as Cohere does, `texts` as Text Embeddings Inference does. Nothing of it is
        stored.

        Args:
            timeout_ms: Milliseconds after which the answer is worth nothing any more.

        ``POST /v2/rerank``
        """
        return self._call(
            Call("POST", "/v2/rerank", is_repeatable=True, timeout_ms=timeout_ms, body=body),
            answers.RerankAnswerReader.validate_python,
        )

    def rerank(self, body: bodies.RerankBody, *, timeout_ms: float | None = None) -> answers.RerankAnswer:
        """Rank texts that come with the request: by the reranker of the recipe in service, else by its embedding
        model.

        `documents` are answered as Cohere does, `texts` as Text Embeddings Inference does. Nothing of it is
        stored.

        Args:
            timeout_ms: Milliseconds after which the answer is worth nothing any more.

        ``POST /rerank``
        """
        return self._call(
            Call("POST", "/rerank", is_repeatable=True, timeout_ms=timeout_ms, body=body),
            answers.RerankAnswerReader.validate_python,
        )

    def dify_retrieval(
        self,
        *,
        knowledge_id: str,
        query: str,
        retrieval_setting: bodies.RetrievalSetting,
        metadata_condition: bodies.MetadataCondition | NotGiven | None = NOT_GIVEN,
        timeout_ms: float | None = None,
    ) -> answers.DifyAnswer:
        """Search for Dify.

        A search of the collection `knowledge_id` in the shape of Dify's external knowledge API.

        Its hits are in the ledger like those of any search; `query_id` in each record's metadata names it for
        feedback.

        Args:
            timeout_ms: Milliseconds after which the answer is worth nothing any more.
            knowledge_id: The collection.

        ``POST /v1/dify/retrieval``
        """
        return self._call(
            Call(
                "POST",
                "/v1/dify/retrieval",
                is_repeatable=True,
                timeout_ms=timeout_ms,
                body={
                    "knowledge_id": knowledge_id,
                    "query": query,
                    "retrieval_setting": retrieval_setting,
                    "metadata_condition": metadata_condition,
                },
            ),
            answers.DifyAnswer.model_validate,
        )

    def livez(self) -> dict[str, str]:
        """Is the process alive?.

        Answers as long as the process can answer anything.

        ``GET /livez``
        """
        found: dict[str, str] = self._json(Call("GET", "/livez", is_repeatable=True))
        return found

    def readyz(self) -> answers.Ready:
        """Can it serve?.

        Ready means: a snapshot is mapped, warmed, and has answered a query of its own.

        It is not ready while the catalogue's file or log is not the one that was opened: writes are refused then.
        Other recipes than the one in service make no difference to that: ``recipes`` says of each whether it is
        open. Corrupt shards are named here while the rest of the snapshot goes on serving; ``message`` says why a
        newer release could not take over, if one could not. No path of the server is told: the log has it.

        ``GET /readyz``
        """
        return self._call(Call("GET", "/readyz", is_repeatable=True), answers.Ready.model_validate)

    def metrics(self) -> str:
        """Prometheus metrics.

        Counters and histograms by stage and release, never by tenant; with several workers, of all of them.

        ``GET /metrics``
        """
        return self._call(Call("GET", "/metrics", is_repeatable=True), str)

    def index(self) -> answers.Index:
        """Where to go?.

        Name, version, and the paths of description, probes and metrics: JSON, or a page where HTML is accepted.

        ``GET /``
        """
        return self._call(Call("GET", "/", is_repeatable=True), answers.Index.model_validate)

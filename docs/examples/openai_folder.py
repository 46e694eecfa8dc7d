"""Brings a folder of Markdown to Groundwork by OpenAI's client, and asks it a question.

Usage: python docs/examples/openai_folder.py FOLDER QUESTION
"""

import os
import sys
import time
from pathlib import Path

from openai import OpenAI

folder, question = Path(sys.argv[1]), sys.argv[2]
url = os.environ.get("GROUNDWORK_URL", "http://127.0.0.1:8080")
key, kept = os.environ.get("GROUNDWORK_API_KEY"), Path(".groundwork/api-key")
while key is None:  # the first `serve` makes one
    time.sleep(0.1)
    key = kept.read_text().strip() if kept.exists() else None
with OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=10) as client:
    store = client.vector_stores.create(name=folder.name)
    batch = client.vector_stores.file_batches.upload_and_poll(
        vector_store_id=store.id, files=sorted(folder.rglob("*.md")), poll_interval_ms=200
    )
    print(f"{batch.file_counts.completed} of {batch.file_counts.total} files can be found in {store.id}")
    for result in client.vector_stores.search(store.id, query=question, max_num_results=3):
        print(f"{result.score:.2f} {result.filename}: {result.content[0].text[:70]!r}")

"""Load vectors and texts into a Chroma server. Run by chroma.py with the peers' Python.

FOLDER holds vectors.npy and texts.json; row N becomes the document "nN" of tenant N // ROWS_A_TENANT, which stands in
its metadata. Prints the id of the collection, of the same once more for each larger ef_search, and of one collection a
tenant.

Run: python -P benchmarks/peers/chroma_load.py PORT FOLDER ROWS_A_TENANT [EF_SEARCH...]
"""

import json
import sys
import time
from pathlib import Path

import chromadb
import numpy as np

BATCH = 1_000
port, folder, share = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
vectors = np.load(folder / "vectors.npy")
texts = json.loads((folder / "texts.json").read_text())
client = chromadb.HttpClient(host="127.0.0.1", port=port)


def load(name, rows, **options):
    configuration = {"hnsw": {"space": "ip", **options}}
    collection = client.create_collection(name, configuration=configuration, embedding_function=None)
    for start in range(0, len(rows), BATCH):
        some = rows[start : start + BATCH]
        collection.add(
            ids=[f"n{row}" for row in some],
            embeddings=vectors[some],
            documents=[texts[row] for row in some],
            metadatas=[{"tenant": row // share} for row in some],
        )
    return str(collection.id)


everything = list(range(len(vectors)))
began = time.perf_counter()
one = load("all", everything)
seconds = time.perf_counter() - began
precise = {effort: load(f"all{effort}", everything, ef_search=int(effort)) for effort in sys.argv[4:]}
apart = [load(f"tenant{first}", everything[first : first + share]) for first in range(0, len(everything), share)]
print(json.dumps({"collection": one, "seconds": round(seconds, 1), "precise": precise, "tenants": apart}))

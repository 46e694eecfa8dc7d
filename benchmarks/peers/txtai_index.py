"""Index a BEIR corpus with txtai: hybrid, with the texts. Run by txtai.py with the peers' Python.

Run: python -P benchmarks/peers/txtai_index.py CORPUS_JSONL MODEL_FOLDER INDEX_FOLDER
"""

import json
import sys
import time
from pathlib import Path

from txtai import Embeddings

corpus, model, folder = sys.argv[1:]
with Path(corpus).open() as lines:
    records = [json.loads(line) for line in lines]
began = time.perf_counter()
embeddings = Embeddings(path=model, hybrid=True, content=True)
embeddings.index((record["_id"], f"{record['title']}\n{record['text']}", None) for record in records)
embeddings.save(folder)
print(json.dumps({"documents": len(records), "seconds": round(time.perf_counter() - began, 1)}))

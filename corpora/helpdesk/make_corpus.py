"""Write corpus.jsonl (BEIR layout) from articles/: run it after editing an article.

Usage: python corpora/helpdesk/make_corpus.py
"""

import json
import sys
from pathlib import Path

from indexing.records import Document
from indexing.sources.readers import open_source

HERE = Path(__file__).parent


def lines() -> list[str]:
    """One JSON line an article, in the order of their paths.

    Raises:
        SystemExit: an article cannot be read.
    """
    made = []
    for entry in open_source(HERE / "articles", "tree").read():
        if not isinstance(entry, Document):
            sys.exit(f"{entry.name}: {entry.reason}")
        record = {
            "_id": entry.id,
            "title": entry.title,
            "text": entry.text,
            "url": entry.url,
            "content_type": entry.content_type,
            "metadata": dict(entry.metadata),
        }
        made.append(json.dumps(record, ensure_ascii=False, sort_keys=True))
    return made


if __name__ == "__main__":
    (HERE / "corpus.jsonl").write_text("\n".join(lines()) + "\n", encoding="utf-8")

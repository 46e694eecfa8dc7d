"""What was used last, bounded by bytes: a cache for what can be had again."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

ENTRY_BYTES = 400
"""What an entry takes beside its value: key, object, dictionary. Counted, so that bytes bound entries as well.
An estimate."""
_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class LruCache(Generic[_Key, _Value]):
    """Values by key; those not used for longest give way. Safe to share between threads."""

    def __init__(self, max_bytes: int) -> None:
        """Keep up to ``max_bytes``."""
        self._max_bytes = max_bytes
        self._entries: OrderedDict[_Key, tuple[_Value, int]] = OrderedDict()
        self._lock = threading.Lock()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def get(self, key: _Key) -> _Value | None:
        """What is kept under ``key``, which counts as used just now."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: _Key, value: _Value, value_bytes: int) -> None:
        """Keep a value of ``value_bytes``, unless there is one under its key."""
        size = value_bytes + ENTRY_BYTES
        with self._lock:
            if key in self._entries:
                return
            self._entries[key] = value, size
            self.size_bytes += size
            while self.size_bytes > self._max_bytes:
                _, (_, old) = self._entries.popitem(last=False)
                self.size_bytes -= old

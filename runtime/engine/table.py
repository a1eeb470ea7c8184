"""The table: what a processor remembers, bytes to bytes, a dictionary a partition.

Memory is a cache of the changelog. `recovery` builds a partition's dictionary, the lane applies writes as it
hands them to a transaction, and a lost partition is dropped whole, so that no key of it can ever be read again.
Memory may therefore be ahead of Kafka by the transactions under way; any of them failing ends the process.
"""

from collections.abc import ItemsView, Iterable, KeysView, Mapping

Write = tuple[bytes, bytes | None]


class TableView:
    """One partition of the table, as a handler sees it: to read. Writes travel in `Effects`."""

    def __init__(self, partition: int, data: dict[bytes, bytes] | None = None) -> None:
        self.partition = partition
        self._data: dict[bytes, bytes] = {} if data is None else data
        self._sweep: list[bytes] = []

    def get(self, key: bytes) -> bytes | None:
        """The value of `key`, or None."""
        return self._data.get(key)

    def __contains__(self, key: bytes) -> bool:
        return key in self._data

    def __len__(self) -> int:
        return len(self._data)

    def keys(self) -> KeysView[bytes]:
        """All keys now. Do not await while iterating."""
        return self._data.keys()

    def items(self) -> ItemsView[bytes, bytes]:
        """All keys and values now. Do not await while iterating."""
        return self._data.items()

    def sweep(self, count: int) -> list[Write]:
        """The next `count` entries of an endless round through the partition, for housekeeping in small steps."""
        if not self._sweep:
            self._sweep = list(self._data)
        keys = self._sweep[-count:]
        del self._sweep[-count:]
        return [(key, self._data[key]) for key in keys if key in self._data]

    def apply(self, writes: Iterable[Write] | Mapping[bytes, bytes | None]) -> None:
        """Put or, where the value is None, remove. The engine's alone: a handler returns `Effects`."""
        for key, value in writes.items() if isinstance(writes, Mapping) else writes:
            if value is None:
                self._data.pop(key, None)
            else:
                self._data[key] = value


class Table:
    """The partitions in memory."""

    def __init__(self) -> None:
        self._views: dict[int, TableView] = {}

    def __contains__(self, partition: int) -> bool:
        return partition in self._views

    def view(self, partition: int) -> TableView:
        """The partition's view. KeyError if it was not put."""
        return self._views[partition]

    def put(self, partition: int, data: dict[bytes, bytes]) -> TableView:
        """A partition as recovered."""
        view = self._views[partition] = TableView(partition, data)
        return view

    def keep(self, partitions: Iterable[int]) -> None:
        """Drop all partitions but these."""
        kept = set(partitions)
        for partition in [number for number in self._views if number not in kept]:
            del self._views[partition]

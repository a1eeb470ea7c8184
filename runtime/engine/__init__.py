"""The engine of the processors: chunks of records through Faust, effects through fenced transactions.

See docs/engine.md. A processor needs `Engine`, a handler, `Effects`, and `TableView`.
"""

from runtime.engine.chunk import Chunk, Partition, SourceRecord
from runtime.engine.effects import Effects, EffectsTooLarge
from runtime.engine.engine import Engine, Part, Progress, StopTimeout, TopicsMismatch
from runtime.engine.fatal import Exit
from runtime.engine.handler import ChunkHandler, EventHandler, EventLane, Housekeeper, LaneClosed
from runtime.engine.observer import EngineObserver, SilentObserver
from runtime.engine.settings import EngineSettings
from runtime.engine.table import TableView

__all__ = [
    "Chunk",
    "ChunkHandler",
    "Effects",
    "EffectsTooLarge",
    "Engine",
    "EngineObserver",
    "EngineSettings",
    "EventHandler",
    "EventLane",
    "Exit",
    "Housekeeper",
    "LaneClosed",
    "Part",
    "Partition",
    "Progress",
    "SilentObserver",
    "SourceRecord",
    "StopTimeout",
    "TableView",
    "TopicsMismatch",
]

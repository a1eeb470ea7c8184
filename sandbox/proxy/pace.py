"""When a piece that came may go on: latency and bandwidth as moments. Pure."""

from sandbox.proxy.weather import Weather


class Pace:
    """One way of a proxy: all its connections share the bandwidth."""

    def __init__(self) -> None:
        self._free = 0.0

    def due(self, weather: Weather, size: int, now: float) -> float:
        """When a piece of so many bytes that came now arrives."""
        if weather.bytes_per_s:
            self._free = max(self._free, now) + size / weather.bytes_per_s
        else:
            self._free = now
        return self._free + weather.latency_s

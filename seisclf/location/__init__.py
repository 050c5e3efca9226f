"""From distances at stations to the place of the source."""

__all__: list[str] = []

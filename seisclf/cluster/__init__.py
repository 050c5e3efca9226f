"""Groups among events that nobody has labelled."""

__all__: list[str] = []

"""Encoders that learn from recordings nobody has labelled."""

__all__: list[str] = []

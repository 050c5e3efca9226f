"""Encoders that learn from recordings nobody has labelled."""

from ._embedding_display import EmbeddingDisplay
from ._encoder import SelfSupervisedEncoder

__all__ = ["EmbeddingDisplay", "SelfSupervisedEncoder"]

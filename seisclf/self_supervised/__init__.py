"""Encoders that learn from recordings nobody has labelled."""

from ._encoder import SelfSupervisedEncoder

__all__ = ["SelfSupervisedEncoder"]

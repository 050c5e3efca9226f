"""The page on which an expert decides about doubtful labels."""

from ._write import is_review_page, write_page

__all__ = ["is_review_page", "write_page"]

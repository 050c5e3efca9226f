"""Why a classifier says what it says, and which labels deserve a second look."""

__all__: list[str] = []

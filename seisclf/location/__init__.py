"""From distances at stations to the place of the source."""

from ._display import LocationDisplay
from ._geodesy import epicentral_error
from ._locate import locate_source
from ._locations import Locations
from ._locator import SourceLocator

__all__ = ["LocationDisplay", "Locations", "SourceLocator", "epicentral_error", "locate_source"]

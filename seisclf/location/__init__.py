"""From distances at stations to the place of the source."""

from ._geodesy import epicentral_error
from ._locate import locate_source
from ._locations import Locations

__all__ = ["Locations", "epicentral_error", "locate_source"]

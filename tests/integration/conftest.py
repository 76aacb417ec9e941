"""The walks over pages and over the API share one small world."""

from tests.isolation import units

__all__ = ["units"]

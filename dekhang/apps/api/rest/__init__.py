"""The REST API under /api/v1/: the same selectors and services as pages, called by tokens."""

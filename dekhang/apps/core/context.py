from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    """What every page may show: the unit(s) the reader works for come from registry by URL, not from here."""
    return {"demo": settings.DEMO}

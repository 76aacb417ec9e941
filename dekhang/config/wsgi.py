import atexit
import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dekhang.config.settings")
application = get_wsgi_application()
import_module(settings.ROOT_URLCONF)  # every page now, not at the first visitor's

# Modules, models and the law live as long as the process. Looking through them again took 170 ms of every second or
# third page that makes many rows.
gc.collect()
gc.freeze()
atexit.register(gc.unfreeze)  # or libraries in C count what stays at the end as leaks

"""Django settings. Everything an installation may change is read here, once, from the environment."""

import contextlib
import os
import secrets
import sys
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from dekhang.config.databases import read_databases
from dekhang.config.env import env_bool, env_choice, env_int, env_list, env_path, env_str, env_zone

ROOT = Path(__file__).resolve().parents[2]
DATA = env_path("DK_DATA", ROOT / "var", about="data folder of this installation")
DATA.mkdir(parents=True, exist_ok=True)


def _secret_key() -> str:
    """The installation's own key: made at first start, kept in the data folder, readable by its owner only."""
    path = DATA / "secret.key"
    if not path.exists():
        draft = path.with_name(f".secret.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):  # whole or not at all; whoever is first at a shared start wins
            os.link(draft, path)
        draft.unlink()
    return path.read_text().strip()


SECRET_KEY = env_str("DK_SECRET_KEY", "", about="signing key; empty: made at first start, kept in DIR/secret.key") or (
    _secret_key()
)
DEBUG = env_bool("DK_DEBUG", False, about="show details of faults in the browser; never on a real installation")
ALLOWED_HOSTS = env_list("DK_HOSTS", ("127.0.0.1", "localhost", "[::1]"), about="host names this site answers to")
CSRF_TRUSTED_ORIGINS = env_list("DK_ORIGINS", (), about="https://host addresses in front of a reverse proxy")
BASE_URL = env_str("DK_BASE_URL", "http://127.0.0.1:8014", about="address of this site as people type it, for mails")
INTAKE_HOST = env_str("DK_INTAKE_HOST", "127.0.0.1", about="address that log shippers send to, shown in configurations")
HTTP_INTAKE_PORT = env_int("DK_HTTP_INTAKE_PORT", 8020, about="port of the HTTP log intake", at_least=1)
SYSLOG_UDP_PORT = env_int("DK_SYSLOG_UDP_PORT", 5514, about="port of the syslog UDP intake", at_least=1)
SYSLOG_TCP_PORT = env_int("DK_SYSLOG_TCP_PORT", 5514, about="port of the syslog TCP intake", at_least=1)
SYSLOG_TLS_PORT = env_int("DK_SYSLOG_TLS_PORT", 0, about="port of the syslog intake over TLS; 0: none", at_least=0)
HTTPS_INTAKE_PORT = env_int("DK_HTTPS_INTAKE_PORT", 0, about="port of the log intake over HTTPS; 0: none", at_least=0)
INTAKE_CA = env_str(
    "DK_INTAKE_CA", "", about="file with the authority of the intake's certificate, for senders; empty: a public one"
)
RULE_FOLDERS = [
    ROOT / "rules",
    *(Path(p).resolve() for p in env_list("DK_RULES", (), about="more folders of Sigma rules, beside our own")),
]
PLAYBOOK_FOLDER = env_path("DK_PLAYBOOKS", ROOT / "playbooks", about="folder of CACAO 2.0 procedures")
CLOCK_SHIFT_SECONDS = env_int("DK_CLOCK_SHIFT_SECONDS", 0, about="demo only: the province lives this far from now")
DEMO = env_bool("DK_DEMO", False, about="show the demo's accounts on the login page")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "dekhang.apps.core",
    "dekhang.apps.registry",
    "dekhang.apps.duties",
    "dekhang.apps.contacts",
    "dekhang.apps.cascade",
    "dekhang.apps.sources",
    "dekhang.apps.observed",
    "dekhang.apps.retention",
    "dekhang.apps.search",
    "dekhang.apps.alerts",
    "dekhang.apps.incidents",
    "dekhang.apps.briefings",
    "dekhang.apps.inspections",
    "dekhang.apps.scoreboard",
    "dekhang.apps.api",
    "dekhang.apps.reports",
    "dekhang.apps.portal",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dekhang.apps.core.middleware.ChosenUnit",
    "dekhang.apps.core.middleware.SecurityHeaders",
    "dekhang.apps.core.middleware.OnlyByButton",
]
ROOT_URLCONF = "dekhang.config.urls"
WSGI_APPLICATION = "dekhang.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dekhang.apps.core.context.site",
            ],
            "builtins": ["dekhang.apps.core.templatetags.dk"],
        },
    }
]
DATABASES = read_databases(DATA)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "core.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "dekhang.apps.core.passwords.LongEnough", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},  # telephone numbers, birthdays
]
if "pytest" in sys.modules:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # tests log in thousands of times
LOGIN_URL = "portal:login"
LOGIN_REDIRECT_URL = "portal:home"
LOGOUT_REDIRECT_URL = "portal:login"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "dekhang.apps.core.views.form_expired"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if BASE_URL.startswith("https://"):
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LANGUAGE_CODE = "vi"
LANGUAGES = [("vi", _("Tiếng Việt"))]  # English joins when locale/en has its catalogue; half a translation confuses
LOCALE_PATHS = [ROOT / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env_zone("DK_TIME_ZONE", "Asia/Ho_Chi_Minh", about="time zone of the pages")

STATIC_URL = "/static/"
STATIC_ROOT = DATA / "static"
ASSETS = DATA / "assets"  # fonts subset at first start: core.fonts
STATICFILES_DIRS = [ASSETS] if ASSETS.is_dir() else []
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_ROOT = env_path("DK_MEDIA", DATA / "media", about="files that people attach; hosts with pages share one folder")
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
MAX_UPLOAD_BYTES = env_int("DK_MAX_UPLOAD_BYTES", 2 * 1024**3, about="largest log file a person may upload", at_least=1)
MAX_ATTACHMENT_BYTES = env_int(
    "DK_MAX_ATTACHMENT_BYTES", 25 * 1024**2, about="largest attachment of an incident step", at_least=1
)

EMAIL_HOST = env_str("DK_SMTP_HOST", "", about="SMTP server; empty: mails wait and the page says so")
EMAIL_PORT = env_int("DK_SMTP_PORT", 25, about="SMTP port", at_least=1)
EMAIL_HOST_USER = env_str("DK_SMTP_USER", "", about="SMTP account")
EMAIL_HOST_PASSWORD = env_str("DK_SMTP_PASSWORD", "", about="SMTP password")
EMAIL_USE_TLS = env_bool("DK_SMTP_TLS", False, about="STARTTLS on the SMTP connection")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env_str("DK_MAIL_FROM", "dekhang@localhost", about="sender of the mails")
APPRISE_URLS = env_list("DK_APPRISE_URLS", (), about="Apprise addresses (Zalo, Telegram …) that get a copy of alerts")

LDAP_SERVER = env_str("DK_LDAP_SERVER", "", about="directory of people, ldaps://host or ldap://host; empty: none")
LDAP_STARTTLS = env_bool("DK_LDAP_STARTTLS", False, about="StartTLS on an ldap:// connection")
LDAP_CA = env_str("DK_LDAP_CA", "", about="file with the authority of the directory's certificate; empty: a public one")
LDAP_BIND = env_str("DK_LDAP_BIND", "", about="DN of the account that reads the directory; empty: anonymous")
LDAP_PASSWORD = env_str("DK_LDAP_PASSWORD", "", about="its password; better DK_LDAP_PASSWORD_FILE")

SIGNING_PKCS12 = env_str(
    "DK_SIGNING_PKCS12", "", about="PKCS#12 file (.p12, .pfx) that signs reports as PDF; empty: no digital signatures"
)
SIGNING_PASSWORD = env_str("DK_SIGNING_PASSWORD", "", about="password of that file")

LOG_DAYS_LEAST = env_int(
    "DK_LOG_DAYS_LEAST",
    90,
    about="days that every event is kept at least, also where the law asks for less",
    at_least=1,
)
LOG_DAYS_UNKNOWN_LEVEL = env_int(
    "DK_LOG_DAYS_UNKNOWN_LEVEL", 366, about="days that events are kept whose system's level is not known", at_least=1
)
OFFICER_MINUTES = env_int(
    "DK_OFFICER_MINUTES", 30, about="minutes an officer has before an alert goes to the head", at_least=1
)
API_CALLS_PER_MINUTE = env_int(
    "DK_API_CALLS_PER_MINUTE", 300, about="calls of one API token in a minute, in each web process", at_least=1
)
WEBHOOK_NETWORKS = env_list(
    "DK_WEBHOOK_NETWORKS", (), about="private networks that webhooks may reach, e.g. 10.1.0.0/16; others must be public"
)
WEBHOOK_HTTP = env_bool("DK_WEBHOOK_HTTP", False, about="let webhooks go to http:// addresses, unencrypted")
WEBHOOK_CA = env_str("DK_WEBHOOK_CA", "", about="file with authorities that receivers of webhooks have certificates of")
HEAD_MINUTES = env_int("DK_HEAD_MINUTES", 60, about="minutes more before it goes to the coordinator", at_least=1)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    # every refusal (403) would be a warning with a traceback: anybody could fill the log with them
    "loggers": {"django.request": {"level": "ERROR"}},
    "root": {
        "handlers": ["stderr"],
        "level": env_choice(
            "DK_LOG_LEVEL", "WARNING", ("DEBUG", "INFO", "WARNING", "ERROR"), about="lowest level written to the log"
        ),
    },
}

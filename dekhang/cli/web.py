"""What the web server's worker process loads: it ends with the server, then the pages of Django."""

from dekhang.cli.following import end_with_parent

end_with_parent()  # a killed server would otherwise leave a worker that answers on its port for ever

from dekhang.config.wsgi import application  # noqa: E402

__all__ = ["application"]

"""Logs in, detections out: receivers, spool, parsers, the worker and the stores that apps may read. No Django."""

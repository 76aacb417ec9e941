"""Receivers: take logs from senders and answer OK only when they are on disk. See docs/reference/intake.md."""

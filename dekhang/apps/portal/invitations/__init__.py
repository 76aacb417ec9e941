"""Accounts by invitation: somebody of a unit is invited by mail, sets a password behind a link, and holds the post."""

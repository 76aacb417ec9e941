"""Periods put on ice: the numbers of a month, a quarter, a year or a day named by hand, and what changed since."""

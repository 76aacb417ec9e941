"""The share of IT spending that goes to security: per unit, block and year, with the documents behind."""

"""Results of awareness checks: brought in by workbooks, counted over the roster in force; duty `awareness` reads the counts."""

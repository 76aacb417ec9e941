"""Workbooks that people bring: read in one room, every fault named by sheet, row and column with what to write there."""

from dekhang.apps.core.workbooks.reading import Column, Fault, Reading, Row, WorkbookRefused, read

__all__ = ["Column", "Fault", "Reading", "Row", "WorkbookRefused", "read"]

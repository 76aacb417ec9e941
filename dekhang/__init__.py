"""Đề Kháng: a province's cyber-assurance system."""

__version__ = "0.1.0"

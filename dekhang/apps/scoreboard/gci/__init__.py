"""The contribution map of the Global Cybersecurity Index: what of the province's evidence speaks for which indicator.

The index is scored for countries. Nothing here computes, stores or shows a number of points for a province.
"""

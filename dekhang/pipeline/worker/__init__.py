"""The worker: spool → parse → detect → lake and detections, one transaction per batch.

`batch` makes events of frames, `commit` writes them, `rules` follows the rule folders, `loop` runs it all.
"""

"""NDJSON as written for Elasticsearch's `_bulk`: lines that say what to do with the next line are no records."""

import numpy as np
import numpy.typing as npt

from dekhang.pipeline.formats.chunk import Offsets
from dekhang.pipeline.formats.recognise import ACTION

_ACTION_BYTES = 8192


class ActionLines:
    """Marks the action lines of one file; remembers over chunks whether a document is due."""

    def __init__(self) -> None:
        self._document_due = False

    def __call__(self, data: bytes, starts: Offsets, ends: Offsets) -> npt.NDArray[np.bool_]:
        marks = np.zeros(len(starts), np.bool_)
        for number, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            if self._document_due:  # whatever it looks like, it is what was announced
                self._document_due = False
            elif end - start <= _ACTION_BYTES and (found := ACTION.match(data, start, end)):
                marks[number] = True
                self._document_due = b'"delete"' not in found[0]
        return marks

"""What receivers speak to: a batch goes to the express lane, or to the bulk lane when its source is loud (decision 8)."""

from __future__ import annotations

from dekhang.pipeline.receive.commit import Commits
from dekhang.pipeline.receive.quotas import Quotas
from dekhang.pipeline.spool import Batch


class Lanes:
    """Two committers and the quotas that choose between them. For one event loop."""

    def __init__(self, express: Commits, bulk: Commits, quotas: Quotas) -> None:
        self.express = express
        self.bulk = bulk
        self._quotas = quotas

    async def commit(self, batch: Batch) -> int:
        """Returns the event id of the batch's first record once the batch is safe; the others follow one by one.

        Raises:
            SpoolFull, SpoolError: nothing was acknowledged; the sender must try again.
        """
        bulk = self._quotas.is_loud(batch)
        first_id = await (self.bulk if bulk else self.express).commit(batch)
        self._quotas.count(batch, bulk=bulk)
        return first_id

    @property
    def last_record_ms(self) -> int:
        return max(self.express.last_record_ms, self.bulk.last_record_ms)

    @property
    def records(self) -> int:
        return self.express.records + self.bulk.records

    def facts(self) -> dict[str, int]:
        """What both lanes did since start; `bulk_records` of `records` took the bulk lane."""
        return {
            "records": self.records,
            "bulk_records": self.bulk.records,
            "batches": self.express.batches + self.bulk.batches,
            "syncs": self.express.syncs + self.bulk.syncs,
            "last_record_ms": self.last_record_ms,
        }

    def close(self) -> None:
        self.express.close()
        self.bulk.close()

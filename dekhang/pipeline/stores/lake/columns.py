"""The columns of the lake, in Parquet segments and fresh batches alike (docs/reference/lake.md)."""

import pyarrow as pa

WRITER_SHIFT = 47  # event_id = writer << 47 | sequence

SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.int64(), nullable=False),
        pa.field("unit_id", pa.int64(), nullable=False),
        pa.field("source_id", pa.int64(), nullable=False),
        pa.field("time", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("received_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("host", pa.string(), nullable=False),
        pa.field("product", pa.string(), nullable=False),
        pa.field("service", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("event_code", pa.string(), nullable=False),
        pa.field("user", pa.string(), nullable=False),
        pa.field("src_ip", pa.string(), nullable=False),
        pa.field("message", pa.string(), nullable=False),
        pa.field("fields", pa.string()),
        pa.field("raw", pa.string(), nullable=False),
        pa.field("raw_base64", pa.bool_(), nullable=False),
        pa.field("problem", pa.string()),
    ]
)

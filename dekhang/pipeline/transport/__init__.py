"""Transport between hosts: NATS JetStream in place of the spool (decision 8).

`streams` says how the streams are laid out, `message` what is in a message, `link` holds the connection, `nats_writer` is
for receivers, `nats_reader` for workers. Only an installation whose place names a cluster imports this package: nats-py
belongs to the `cluster` extra.
"""

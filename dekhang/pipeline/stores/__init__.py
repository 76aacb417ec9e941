"""What apps may read and write of the pipeline; nothing else of it is theirs."""

"""The roster: people and where they are employed, brought in by workbooks with a preview, and out the same way."""

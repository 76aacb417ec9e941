"""`dekhang simulate`: a made-up province whose truth is known, to measure how big it may be and which lies are seen.

`building.build` writes it into an empty installation: `tree` (units, accounts), `people`, `conduct` (what each unit does, says
and how it lies), `filings`,
`orders` (the plan and its assignments), `observations` (evidence), `warnings` (alerts, incidents), `intake` (the ledger of receipt).
`truth` is the file that the product never reads; `judge` holds the product's answers against it.
"""

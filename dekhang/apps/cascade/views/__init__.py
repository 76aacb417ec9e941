"""Pages of cascade: the plan and its editor, the numbers of the province, the work of a unit, what waits for the sender."""

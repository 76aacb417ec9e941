"""Looking through history for a rule, an indicator or a query: `dekhang hunt` and the page of hunts.

History is cut into slices (slices.py), each a day of some units. `scan.Scanner` is a pure function of a slice: the lake
in, findings out. An executor (executors.py) maps it over the slices in any processes, and gives the results in their
order. `run.py` puts them together: correlations count in event time, what was found is kept, and after every slice the
hunt can stop and go on later. So the result does not depend on who did the work or how often it was stopped.
"""

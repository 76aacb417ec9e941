"""Documents that units file as proof: submitted, reviewed, accepted or returned; flags for those who inspect."""

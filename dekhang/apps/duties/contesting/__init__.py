"""Giải trình: a unit contests its number of a day, somebody who had no hand in it corrects or refuses, both in the open."""

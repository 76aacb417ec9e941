"""The province in half a minute: one sentence, eleven lines, what changed in a month, three things to decide."""

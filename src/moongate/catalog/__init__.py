"""Which ids exist here, now: the live list, and what a name means against it."""

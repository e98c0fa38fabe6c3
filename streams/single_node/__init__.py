"""``ringfence up``: everything on one machine, started in order, watched, and ended without remains."""

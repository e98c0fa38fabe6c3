"""``ringfence up``: starts everything on one machine, supervises it, leaves nothing behind."""

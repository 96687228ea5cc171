"""Pure knowledge of the TLC's data: types, schemas, cleaning, checks. The only place that says "yellow"."""

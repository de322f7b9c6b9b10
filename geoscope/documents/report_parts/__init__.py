"""Parts of a report that only some have, in tables, charts and sentences."""

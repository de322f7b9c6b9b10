"""Documents: each kind of result in words, tables and charts, before any form of it is chosen."""

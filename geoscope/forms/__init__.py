"""How results are written: tables, CSV, markdown, JUnit, annotations; and where to."""

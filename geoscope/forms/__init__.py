"""How results are written: tables, CSV, Markdown, JUnit, annotations."""

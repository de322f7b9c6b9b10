"""The three papers' claims, put to the test: the commands, what came out, and the page that says so."""

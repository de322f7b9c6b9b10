"""Texts: corpora, named, in files, piped in or on the hub, as sequences."""

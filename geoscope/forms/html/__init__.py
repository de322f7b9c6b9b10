"""HTML: a document as one self-contained page that needs no network and no script."""

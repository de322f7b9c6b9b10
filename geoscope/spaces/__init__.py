"""Two spaces whose rows belong together: how alike they are."""

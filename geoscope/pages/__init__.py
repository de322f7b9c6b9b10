"""The page: results drawn as one self-contained HTML file that needs no network and no script."""

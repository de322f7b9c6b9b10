"""Measures related to downstream scores, and what a confounder such as the noise level leaves of that."""

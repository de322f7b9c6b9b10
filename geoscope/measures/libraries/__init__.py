"""Measures as other libraries compute them, which are loaded when one is asked for and never before."""

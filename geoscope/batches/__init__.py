"""Batches: many subjects in one folder of reports, resumed where it stopped, on one machine or many."""

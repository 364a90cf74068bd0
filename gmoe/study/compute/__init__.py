"""Runs a study: replications, batches, workers, and the loop that hands them out."""

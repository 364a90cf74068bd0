"""From data to a certified maximum of the likelihood."""

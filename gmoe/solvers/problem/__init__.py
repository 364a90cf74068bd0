"""What is maximised, in which coordinates, over which set."""

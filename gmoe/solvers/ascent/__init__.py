"""From one point up."""

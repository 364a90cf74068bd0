"""What is measured of a fit, and which quantity of the theory that is."""

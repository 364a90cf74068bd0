"""What the results say: losses after the fact, rates, certificates, the theory's exponents."""

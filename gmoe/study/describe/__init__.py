"""A study as a value, and how it is read from TOML."""

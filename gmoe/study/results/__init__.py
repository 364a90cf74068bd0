"""The results folder: rows, files, manifest, locks."""

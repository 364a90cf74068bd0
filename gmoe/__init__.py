"""Gaussian mixtures of experts, fitted to certified maximum likelihood."""

__version__ = "0.1.0"

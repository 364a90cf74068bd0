"""Compiled loops on plain float64 arrays; they know neither gates' classes nor estimators."""

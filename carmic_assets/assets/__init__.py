"""Dagster assets, jobs, checks and the schedule: thin wrappers over the computing packages, which do the work."""

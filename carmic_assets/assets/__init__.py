"""Defines the Dagster assets, jobs, checks and the schedule, as thin wrappers over the computing packages."""

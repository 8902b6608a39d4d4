"""Dagster's side: thin assets, jobs, checks, schedules over the pure rooms. Nothing here computes a picture or word."""

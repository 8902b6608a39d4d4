"""Dagster sensors: reconcile runs, purge deleted projects, deliver webhooks, delete expired rows and files.

The API does some of this work at once; a sensor completes the work that a crash interrupted. Sensors tick every five
seconds, keep their state in the database only, and are idempotent.
"""

"""Dagster sensors: reconcile run outcomes, purge deleted projects, deliver webhooks, expire old rows and files.

Each sensor is the durable path behind a fast one in the API: what a crash leaves undone, a later tick finishes. Sensors
tick every five seconds, keep their state in the database only, and are idempotent.
"""

"""State that all processes share: settings, database, object store and the Dagster client.

Functions take a connection and never commit. This package imports no other package of Carmic.
"""

"""Video processing: the computing packages, the Dagster assets that call them, and the command line."""

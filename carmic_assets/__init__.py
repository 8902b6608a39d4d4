"""What computes something from a video: pure packages, the Dagster assets over them, and the command line."""

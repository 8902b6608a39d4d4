"""The client library of Carmic's API: `from carmic.client import Carmic`. It imports nothing of the server."""

"""The generation service's engines and their table of endpoints, parameters, prices and models.

`endpoints`, `requests`, `model_catalogue` and `voices` are data that the API reads; they import no engine.
"""

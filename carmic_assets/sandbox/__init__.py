"""Runs every parser of users' files in worker processes with limits of memory, CPU time and wall time.

jobs        what a worker can be asked to do: plain data, which any process may import
pool        starts, feeds and ends the workers
worker      the workers' main program, which sets the limits
execution   what they do for each job; the only module here that imports a parser
"""

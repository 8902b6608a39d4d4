"""Runs every parser of users' files in worker processes with limits of memory, CPU time and wall time.

worker_jobs     the jobs, their results and the messages: plain data that any process may import
message_frames  sends and receives messages over a socket
pool            starts the workers, sends them jobs and ends them
worker          the workers' main program, which sets the limits
execution       executes a job in a worker; the only module of the package that imports parsers
"""

"""What notices and tells: reconciles run outcomes, purges what was deleted, delivers webhooks, sweeps up.

Sensors are the durable path behind the API's quick one: whatever a crash left undone, one of them finishes. They tick
every five seconds, hold no state of their own, and do nothing twice that has been done.
"""

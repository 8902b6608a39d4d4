"""The error with which a command refuses a request."""


class UserError(Exception):
    """The command cannot be carried out; the message says why and what to do."""

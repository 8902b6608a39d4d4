"""Defines the error of a command that cannot be carried out."""


class UserError(Exception):
    """The command cannot be carried out; the message says why and what to do."""

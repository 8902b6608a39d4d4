"""What the command line says when a request cannot be carried out."""


class UserError(Exception):
    """The sentence says why, and what to do."""

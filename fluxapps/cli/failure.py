"""A command that can't do what it was asked to, told in a sentence."""


class CommandError(Exception):
    """Ends the command with a message instead of a traceback.

    Attributes:
        what: What is wrong: a sentence without a full stop.
        fix: What would help; "" when nothing would.
    """

    def __init__(self, what: str, fix: str = "") -> None:
        self.what = what
        self.fix = fix
        super().__init__(what)

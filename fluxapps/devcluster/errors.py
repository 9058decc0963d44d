"""What can go wrong with the local cluster, said with its way out."""


class DevclusterError(Exception):
    """The local cluster, or a program it is made of, can't be had.

    Attributes:
        what: What is wrong; may end in the last lines of a log.
        fix: What would mend it: a command, or what to install.
    """

    def __init__(self, what: str, *, fix: str = "") -> None:
        self.what = what
        self.fix = fix
        super().__init__(f"{what}\n{fix}" if fix else what)


class ProgramError(DevclusterError):
    """A program can't be found, unpacked or built."""


class ClusterError(DevclusterError):
    """The cluster can't be started, reached or removed."""

"""The two ways in which an act can fail: a rule said no, or the outside world is away."""


class Refused(Exception):
    """A rule said no. The text is for the person who asked, and a repeat would be refused again."""


class Unavailable(Exception):
    """The outside world did not answer, or said later. The same act may go through another time."""


class Malformed(Refused):
    """Something that was handed in cannot be read; the text says where and why."""

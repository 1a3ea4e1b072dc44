"""A time that passes only when somebody sleeps."""


class Clock:
    """In the place of the module time: a test of a deadline does not wait for it, on no machine."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

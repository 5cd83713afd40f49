"""Small numbers for the cumulative counters of a stream, shared by the series that continue one."""

from collections.abc import Hashable


class CounterNumbers:
    """Gives each key a number from 0 on, counts who uses it, and gives free numbers away again."""

    def __init__(self) -> None:
        self._number_of: dict[Hashable, int] = {}
        self._key_of: dict[int, Hashable] = {}
        self._users: dict[int, int] = {}
        self._free: list[int] = []

    def claim(self, key: Hashable) -> tuple[int, bool]:
        """The number of this counter, and whether the counter is new."""
        known = self._number_of.get(key)
        if known is not None:
            self._users[known] += 1
            return known, False
        number = self._free.pop() if self._free else len(self._number_of)
        self._number_of[key], self._key_of[number], self._users[number] = number, key, 1
        return number, True

    def release(self, number: int) -> None:
        """One series less that uses it; the last one frees the number."""
        self._users[number] -= 1
        if not self._users[number]:
            del self._users[number], self._number_of[self._key_of.pop(number)]
            self._free.append(number)

"""Small numbers for what several series of a stream share: a counter they continue, a process, labels."""

from collections.abc import Hashable, Iterable


class CounterNumbers:
    """Gives each key a number from 0 on, counts who uses it, and gives free numbers away again."""

    def __init__(self) -> None:
        self._number_of: dict[Hashable, int] = {}
        self._key_of: dict[int, Hashable] = {}
        self._users: dict[int, int] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        """One more than the largest number in use or free: the size of an array with one entry each."""
        return len(self._number_of) + len(self._free)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._number_of

    def in_use(self) -> Iterable[Hashable]:
        """The keys that have users."""
        return self._number_of.keys()

    def claim(self, key: Hashable) -> tuple[int, bool]:
        """The number of this key, and whether it is new."""
        known = self._number_of.get(key)
        if known is not None:
            self._users[known] += 1
            return known, False
        number = self._free.pop() if self._free else len(self._number_of)
        self._number_of[key], self._key_of[number], self._users[number] = number, key, 1
        return number, True

    def release(self, number: int) -> bool:
        """One series less that uses it; True if it was the last, which frees the number."""
        self._users[number] -= 1
        if self._users[number]:
            return False
        del self._users[number], self._number_of[self._key_of.pop(number)]
        self._free.append(number)
        return True

"""Reading a header: from its text, and by keyword, number, slice or pattern. `Header` is built on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union, overload

from torchfits.card import CARD_LENGTH, COMMENTARY, Malformed, Value, name_of, readable
from torchfits.header_views import CardsView, CommentaryView, CommentsView
from torchfits.records import Records, columns_of

if TYPE_CHECKING:
    from typing_extensions import Self

Key = Union[str, int, "tuple[str, int]"]

_BLOCK_LENGTH = 2880


class HeaderReading:
    """What `Header` can tell; what changes it is in torchfits/header.py."""

    __slots__ = ("__weakref__", "_parsed", "_text")

    _text: str  # what is parsed when it is first needed
    _parsed: Records | None

    @classmethod
    def fromstring(cls, data: str | bytes, sep: str = "") -> Self:
        r"""A header from its text: cards of 80 characters, or one on each line; END and padding may be missing.

        Cards are parsed when they are first asked for, and written back as they were until they change.

        >>> from torchfits import Header
        >>> Header.fromstring("SIMPLE  =   T\nNAXIS   =   0 / axes\n").comments["NAXIS"]
        'axes'
        """
        text = data.decode("latin-1") if isinstance(data, (bytes, bytearray, memoryview)) else data
        if sep not in ("", "\n", "\r\n"):
            text = "\n".join(text.split(sep))
        self = cls.__new__(cls)
        self._text, self._parsed = text, None
        return self

    @classmethod
    def fromtextfile(cls, path: str | Path) -> Self:
        """A header from a text file with one card per line, or from one with cards of 80 characters."""
        with open(path, "rb") as file:
            return cls.fromstring(file.read())

    def tostring(self, sep: str = "", endcard: bool = True, padding: bool = True) -> str:
        r"""The header as it stands in a file; with ``sep="\n"`` one card per line.

        >>> from torchfits import Header
        >>> len(Header({"NAXIS": 0}).tostring())
        2880
        """
        cards = []
        for image in self._records.images:
            if len(image) == CARD_LENGTH:
                cards.append(image)
            else:
                cards += [image[i : i + CARD_LENGTH] for i in range(0, len(image), CARD_LENGTH)]
        if endcard:
            cards.append("END".ljust(CARD_LENGTH))
        text = sep.join(cards)
        return text + " " * (-len(text) % _BLOCK_LENGTH) if padding else text

    def totextfile(self, path: str | Path, endcard: bool = False, overwrite: bool = False) -> None:
        """Writes one card per line."""
        with open(path, "w" if overwrite else "x", encoding="latin-1", newline="\n") as file:
            file.write(self.tostring(sep="\n", endcard=endcard, padding=False))

    @property
    def _records(self) -> Records:
        if self._parsed is None:
            self._parsed = Records.parse(self._text, columns_of([self._text])[0])
        return self._parsed

    # --- Looking up --------------------------------------------------------------------------------------------------

    def _place(self, key: Key) -> int:
        """Number of the card that a keyword, a number or (keyword, n) means."""
        records = self._records
        if isinstance(key, str):
            place = records.first(key)
            if place is None:
                place = records.first(name_of(key))
            if place is None:
                place = next(iter(records.places(name_of(key))), None)
            if place is None:
                raise KeyError(f"Keyword {key!r} not found.")
            return place
        if hasattr(key, "__index__"):
            index = key.__index__()  # type: ignore[union-attr]
            if not -len(records) <= index < len(records):
                raise IndexError(f"header card {index} does not exist: there are {len(records)}")
            return index % len(records)
        if not (isinstance(key, tuple) and len(key) == 2 and isinstance(key[0], str) and hasattr(key[1], "__index__")):
            raise ValueError(f"a header is indexed by a keyword, a number or (keyword, number), not by {key!r}")
        places = records.places(name_of(key[0]))
        if not places:
            raise KeyError(f"Keyword {key[0]!r} not found.")
        try:
            return places[key[1]]
        except IndexError:
            raise IndexError(f"there are only {len(places)} {key[0]!r} cards in the header") from None

    def _selected(self, key: Any) -> list[int] | None:
        """The cards that a slice or a pattern means; None for any other key."""
        if isinstance(key, slice):
            return list(range(*key.indices(len(self))))
        if not isinstance(key, str) or not ("*" in key or "?" in key or key.endswith("...")):
            return None
        wild = {"*": ".*", "?": ".", "...": r"\S*"}
        pattern = "".join(wild.get(part) or re.escape(part) for part in re.split(r"(\*|\?|\.\.\.)", key.strip()))
        match = re.compile(pattern, re.IGNORECASE).fullmatch
        return [i for i, keyword in enumerate(self._records.keywords) if match(keyword)]

    def _part(self, places: list[int]) -> Self:
        part = type(self).__new__(type(self))
        part._text, part._parsed = "", Records()
        for i in places:
            part._parsed.insert(len(part._parsed), self._records.card(i))
        return part

    @overload
    def __getitem__(self, key: slice) -> Self: ...
    @overload
    def __getitem__(self, key: Key) -> Any: ...
    def __getitem__(self, key: Any) -> Any:
        records = self._records
        place = records.first(key) if isinstance(key, str) and key not in COMMENTARY else None
        if place is None:
            selected = self._selected(key)
            if selected is not None:
                return self._part(selected)
            if isinstance(key, str) and key.strip().upper() in COMMENTARY:
                return CommentaryView(self, key.strip().upper())
            place = self._place(key)
            asked = key[0] if isinstance(key, tuple) else key
            if records.is_field(place) and isinstance(asked, str) and "." not in asked:
                # the plain keyword of a record-valued one: its whole string
                return records.images[place].partition("'")[2].partition("'")[0]
        value = records.values[place]
        return readable(records.keywords[place], value) if isinstance(value, Malformed) else value

    def get(self, key: Key, default: Any = None) -> Any:
        """The value, or `default` where there is no such card."""
        try:
            return self[key]
        except (KeyError, IndexError):
            return default

    def __contains__(self, key: Any) -> bool:
        try:
            self._place(key)
        except (KeyError, IndexError):
            return False
        return True

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[str]:
        return iter(self._records.keywords)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._records.keywords)

    def keys(self) -> list[str]:
        """All keywords, repeated ones too, in order."""
        return self._records.keywords.copy()

    def values(self) -> list[Value]:
        """All values, in order."""
        records = self._records
        if records.may_be_malformed:
            return [readable(keyword, value) for keyword, value in zip(records.keywords, records.values)]
        return records.values.copy()

    def items(self) -> Iterator[tuple[str, Value]]:
        """(keyword, value) of every card, in order."""
        return zip(self._records.keywords, self.values())

    @property
    def cards(self) -> CardsView:
        """The cards: ``header.cards["NAXIS"].image``."""
        return CardsView(self)

    @property
    def comments(self) -> CommentsView:
        """The comments: ``header.comments["NAXIS"] = "number of axes"``."""
        return CommentsView(self)

    def count(self, keyword: str) -> int:
        """How many cards have this keyword; raises KeyError for none."""
        places = self._records.places(name_of(keyword))
        if not places:
            raise KeyError(f"Keyword {keyword!r} not found.")
        return len(places)

    def index(self, keyword: str, start: int | None = None, stop: int | None = None) -> int:
        """Number of the first card with this keyword, as `list.index`; with stop < start of the last one."""
        start = 0 if start is None else start
        stop = len(self) if stop is None else stop
        name = name_of(keyword)
        for i in range(start, stop, -1 if stop < start else 1):
            if self._records.keywords[i].upper() == name:
                return i
        raise ValueError(f"The keyword {keyword!r} is not in the header.")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, HeaderReading):
            return NotImplemented
        return self._records.images == other._records.images

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return self.tostring(sep="\n", endcard=False, padding=False)

    def __str__(self) -> str:
        return self.tostring()

"""`Header`: the cards of one HDU, as a dictionary and as a list. Behaves as astropy's Header does.

Reading one is torchfits/header_reading.py, one card torchfits/card.py, the lists behind it torchfits/records.py.
"""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from torchfits.card import (
    CARD_LENGTH,
    COMMENTARY,
    COMMENTARY_LENGTH,
    Card,
    HierarchName,
    Malformed,
    Value,
    as_card,
    checked,
    checked_comment,
    checked_keyword,
    checked_value,
    name_of,
)
from torchfits.header_reading import HeaderReading, Key
from torchfits.header_views import CommentaryView
from torchfits.records import Records, columns_of, cut

_INDEXED_TABLE_KEYWORDS = ("TFORM", "TSCAL", "TZERO", "TNULL", "TTYPE", "TUNIT", "TDISP", "TDIM", "THEAP", "TBCOL")
_STRUCTURE_KEYWORDS = (
    *("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "BSCALE", "BZERO", "TFIELDS"),
)


class Header(HeaderReading):
    """The cards of a FITS header, in their order.

    Keywords are looked up without regard to case; a value is a str, int, float, complex, bool or None. Cards may also
    be had by their number, by ``(keyword, n)`` where a keyword occurs more than once, by slices and by ``"NAXIS*"``.

    >>> header = Header([("OBJECT", "M 13", "what was observed"), ("EXPTIME", 30.0)])
    >>> header["exptime"]
    30.0
    >>> header["FILTER"] = ("r", "band")
    >>> header["HISTORY"] = "bias subtracted"
    >>> header  # doctest: +NORMALIZE_WHITESPACE
    OBJECT  = 'M 13    '           / what was observed
    EXPTIME =                 30.0
    FILTER  = 'r       '           / band
    HISTORY bias subtracted
    """

    __slots__ = ()

    def __init__(self, cards: Header | Mapping[str, Any] | Iterable[Any] | str = (), copy: bool = False) -> None:
        self._text, self._parsed = "", Records()
        if isinstance(cards, Header):
            self._text = cards._text
            self._parsed = None if cards._parsed is None else cards._parsed.copy()
            return
        if isinstance(cards, (str, bytes)):
            raise ValueError("Header takes a list of cards; Header.fromstring reads a header's text")
        for card in cards.items() if isinstance(cards, Mapping) else cards:
            self.append(card, end=True)

    @classmethod
    def fromkeys(cls, keywords: Iterable[str], value: Any = None) -> Header:
        """A header with these keywords, all with one value (or ``(value, comment)``)."""
        value = value if isinstance(value, tuple) else (value,)
        return cls([(keyword, *value) for keyword in keywords])

    # --- Copying -----------------------------------------------------------------------------------------------------

    def copy(self, strip: bool = False) -> Header:
        """A header of its own; `strip` leaves out what describes the data's structure (see `strip`)."""
        new = type(self)(self)
        if strip:
            new.strip()
        return new

    def __copy__(self) -> Header:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Header:
        return self.copy()

    def __add__(self, other: Header | Iterable[Any]) -> Header:
        new = self.copy()
        new.extend(other)
        return new

    def __iadd__(self, other: Header | Iterable[Any]) -> Header:
        self.extend(other)
        return self

    # --- Changing values ---------------------------------------------------------------------------------------------

    def __setitem__(self, key: Any, value: Any) -> None:
        selected = self._selected(key)
        if selected is not None:
            many = not isinstance(value, (str, tuple)) and hasattr(value, "__iter__") and getattr(value, "ndim", 1) > 0
            for i, one in zip(selected, value if many else [value] * len(selected)):
                self[i] = one
            return
        comment = None
        if isinstance(value, tuple):
            if len(value) not in (1, 2):
                raise ValueError(f"header[{key!r}] is set to a value or to (value, comment), not to {value!r}")
            value, comment = (value[0], value[1] or "") if len(value) == 2 else (value[0], None)
        if isinstance(key, str):
            self._put(key, value, comment)
        else:
            self._replace(self._place(key), value, comment)

    def _replace(self, place: int, value: Any, comment: str | None) -> None:
        records = self._records
        keyword = records.keywords[place]
        value = checked_value(keyword, value)
        if records.is_field(place):
            if not isinstance(value, (int, float)):
                raise ValueError(
                    f"header card {keyword!r} is a record-valued keyword; its value is a number, not {value!r}"
                )
            value = float(value)
        elif records.is_commentary(place):
            value, comment = checked(keyword, value)[1], ""
        elif not isinstance(keyword, HierarchName) and isinstance(checked_keyword(keyword), HierarchName):
            raise ValueError(
                f"header card {records.images[place].rstrip()!r} has no keyword; delete it, or add a new one"
            )
        records.replace(place, value, records.comments[place] if comment is None else checked_comment(comment))

    def _put(self, keyword: str, value: Any, comment: str | None) -> None:
        """Changes the first card with this keyword, or appends one; commentary is always added."""
        name = name_of(keyword)
        place = None if name in COMMENTARY else self._records.first(name)
        if name in COMMENTARY:
            self._add_commentary(name, value)
        elif place is None:
            self.append(Card(keyword, value, comment))
        else:
            self._replace(place, value, comment)

    def _put_card(self, card: Card) -> None:
        """The same with a whole card."""
        place = None if card.keyword in COMMENTARY else self._records.first(name_of(card.keyword))
        if card.keyword in COMMENTARY:
            self._add_commentary(card.keyword, card.value)
        elif place is None:
            self.append(card)
        elif isinstance(card._value, Malformed):
            self._records.delete(place)
            self._records.insert(place, card)
        else:
            self._replace(place, card.value, card.comment)

    def set(
        self,
        keyword: str,
        value: Any = None,
        comment: str | None = None,
        before: Key | None = None,
        after: Key | None = None,
    ) -> None:
        """Sets value, comment or place of a card; what is None stays as it is. A new card is appended.

        >>> header = Header({"NAXIS": 1, "NAXIS1": 5})
        >>> header.set("BITPIX", 16, "bits per pixel", before="NAXIS")
        >>> header.keys()
        ['BITPIX', 'NAXIS', 'NAXIS1']
        """
        name = name_of(keyword)
        place = None if name in COMMENTARY else self._records.first(name)
        anchored = before is not None or after is not None
        if name in COMMENTARY and anchored:
            self._add_commentary(name, value, before, after)
        elif name in COMMENTARY or (place is None and not anchored):
            self._put(keyword, value, comment)
        elif place is None:
            self.insert(self._anchor(before, after), Card(keyword, value, comment))
        else:
            if value is not None:
                self._replace(place, value, comment)
            elif comment is not None:
                self._records.replace(place, self._records.values[place], checked_comment(comment))
            if anchored:
                self._move(place, before, after)

    def _anchor(self, before: Key | None, after: Key | None) -> int:
        key = after if before is None else before
        assert key is not None
        at_end = not isinstance(key, (str, tuple)) and key >= len(self)
        return len(self) if at_end else self._place(key) + (before is None)

    def _move(self, place: int, before: Key | None, after: Key | None) -> None:
        if self._anchor(before, after) in (place, place + 1):
            return  # it is there already
        card = self._records.card(place)
        self._records.delete(place)
        self._records.insert(min(self._anchor(before, after), len(self)), card)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value; where there is none, `default`, which is set."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *args: Any, **keywords: Any) -> None:
        """Sets cards from a header, a mapping of keywords to values or (value, comment), or a list of such tuples."""
        if len(args) > 1:
            raise TypeError(f"Header.update takes one mapping or list, not {len(args)}")
        for other in (*args, keywords):
            if isinstance(other, Header):
                cards: Iterable[Any] = list(other.cards)
            elif hasattr(other, "keys"):
                cards = [(key, other[key]) for key in other.keys()]  # noqa: SIM118
            else:
                cards = other or ()
            for card in cards:
                self._put_card(as_card(card))

    # --- Adding cards ------------------------------------------------------------------------------------------------

    def append(self, card: Any = None, useblanks: bool = True, bottom: bool = False, end: bool = False) -> None:
        """Appends a card: a `Card`, a tuple (keyword, value, comment) or a keyword.

        It goes before commentary at the end of the header (with `bottom` after it) and before blank cards, of which one
        is used up for it (unless `useblanks=False`); with `end` it goes to the very end.
        """
        card = as_card(card)
        records = self._records
        if end or card.is_blank:
            records.insert(len(records), card)
            return
        place = len(records)
        while place > 0 and records.is_blank(place - 1):
            place -= 1
        if not bottom and card.keyword not in COMMENTARY:
            while place > 0 and records.is_commentary(place - 1):
                place -= 1
        records.insert(place, card)
        if useblanks:
            self._use_blanks(card)

    def _use_blanks(self, card: Card) -> None:
        for _ in range(len(card.image) // CARD_LENGTH):
            if len(self) > 1 and self._records.is_blank(len(self) - 1):
                self._records.delete(len(self) - 1)

    def insert(self, key: Key, card: Any, useblanks: bool = True, after: bool = False) -> None:
        """Inserts a card before the one of a number or keyword, or after it."""
        if isinstance(key, (str, tuple)):
            place = self._place(key) + after
        else:
            place = len(self) if after and key == -1 else key + after
            place = max(place + len(self), 0) if place < 0 else min(place, len(self))
        card = as_card(card)
        at_end = place == len(self)
        self._records.insert(place, card)
        if useblanks and not at_end:
            self._use_blanks(card)

    def extend(
        self,
        cards: Header | Iterable[Any],
        strip: bool = True,
        unique: bool = False,
        update: bool = False,
        update_first: bool = False,
        useblanks: bool = True,
        bottom: bool = False,
        end: bool = False,
    ) -> None:
        """Appends many cards, without those that describe the data's structure (unless `strip=False`).

        `unique` leaves out keywords that are there already (commentary: the same text); `update` sets them instead.
        `update_first` lets SIMPLE and XTENSION, as the first card, replace each other.
        """
        other = Header(cards)
        if strip:
            other.strip()
        new = []
        for i, card in enumerate(other.cards):
            if card.is_blank:
                new.append(card)
            elif card.keyword in COMMENTARY:
                known = unique or update
                if not (known and card.keyword in self and card._value in list(self[card.keyword])):
                    new.append(card)
            elif update and i == 0 and update_first and {card.keyword, *self.keys()[:1]} == {"SIMPLE", "XTENSION"}:
                self._records.delete(0)
                self._records.insert(0, card)
            elif (update or unique) and card.keyword in self:
                if update:
                    self._put_card(card)
            else:
                new.append(card)
        for card in new:
            self.append(card, useblanks=useblanks, bottom=bottom, end=end)

    def add_comment(self, text: str, before: Key | None = None, after: Key | None = None) -> None:
        """Adds a COMMENT after the last one, or where asked."""
        self._add_commentary("COMMENT", text, before, after)

    def add_history(self, text: str, before: Key | None = None, after: Key | None = None) -> None:
        """Adds a HISTORY after the last one, or where asked."""
        self._add_commentary("HISTORY", text, before, after)

    def add_blank(self, text: str = "", before: Key | None = None, after: Key | None = None) -> None:
        """Adds a card without keyword."""
        self._add_commentary("", text, before, after)

    def _add_commentary(self, name: str, text: Any, before: Key | None = None, after: Key | None = None) -> None:
        """As many cards as the text needs, after the last with this name."""
        text = checked(name, text)[1]
        lines = [text[i : i + COMMENTARY_LENGTH] for i in range(0, len(text), COMMENTARY_LENGTH)] or [""]
        places = self._records.places(name)
        if before is None and after is None and not places:
            for line in lines:
                self.append(Card(name, line), bottom=True)
            return
        place = places[-1] + 1 if before is None and after is None else self._anchor(before, after)
        for line in reversed(lines):
            self.insert(place, Card(name, line), useblanks=bool(name or line))

    # --- Removing cards ----------------------------------------------------------------------------------------------

    def __delitem__(self, key: Any) -> None:
        selected = self._selected(key)
        if selected is None:
            selected = self._records.places(name_of(key)) if isinstance(key, str) else [self._place(key)]
            if not selected:
                raise KeyError(f"Keyword {key!r} not found.")
        for i in sorted(selected, reverse=True):
            self._records.delete(i)

    def remove(self, keyword: str, ignore_missing: bool = False, remove_all: bool = False) -> None:
        """Removes the first card with this keyword, or all of them."""
        places = self._records.places(name_of(keyword))
        if not places and not ignore_missing:
            raise KeyError(f"Keyword {keyword!r} not found.")
        for i in reversed(places if remove_all else places[:1]):
            self._records.delete(i)

    def pop(self, *args: Any) -> Any:
        """Removes a card (the last, or that of a key) and returns its value; a second argument is the default."""
        if len(args) > 2:
            raise TypeError(f"Header.pop takes a key and a default, not {len(args)} arguments")
        key = args[0] if args else -1
        try:
            value = self[key]
        except (KeyError, IndexError):
            if len(args) == 2:
                return args[1]
            raise
        if isinstance(value, CommentaryView):
            value = list(value)
        del self[key]
        return value

    def popitem(self) -> tuple[str, Value]:
        """Removes the first card and returns its keyword and value."""
        if len(self) == 0:
            raise KeyError("Header is empty")
        card = self._records.card(0)
        item = card.keyword, card.value
        del self[card.keyword]
        return item

    def rename_keyword(self, oldkeyword: str, newkeyword: str, force: bool = False) -> None:
        """Gives the first card with a keyword another one; to one that exists only with `force`."""
        old, new = name_of(oldkeyword), name_of(newkeyword)
        if (old in COMMENTARY) != (new in COMMENTARY):
            raise ValueError(f"{oldkeyword!r} cannot be renamed {newkeyword!r}: only one of them is commentary")
        if new not in COMMENTARY and new in self and not force:
            raise ValueError(f"Intended keyword {newkeyword} already exists in header.")
        place = self.index(old)
        card = self._records.card(place)
        renamed = Card(newkeyword, card.value, card.comment)
        self._records.delete(place)
        self._records.insert(place, renamed)

    def strip(self) -> None:
        """Removes what describes the structure of the data (SIMPLE, BITPIX, NAXISn, TFORMn ...)."""
        naxis, tfields = self.get("NAXIS", 0), self.get("TFIELDS", 0)
        names = {f"NAXIS{i + 1}" for i in range(naxis)}
        names.update(f"{stem}{i + 1}" for stem in _INDEXED_TABLE_KEYWORDS for i in range(tfields))
        for name in (*names, *_STRUCTURE_KEYWORDS):
            self.remove(name, ignore_missing=True)

    def clear(self) -> None:
        """Removes all cards."""
        self._text, self._parsed = "", Records()


def headers_from_texts(texts: list[str]) -> list[Header]:
    """Headers from many texts (as torch.ops.fits.headers gives them), parsed in one call on all threads.

    >>> [header["A"] for header in headers_from_texts(["A = 1", "A = 2"])]
    [1, 2]
    """
    return _headers(texts, columns_of(texts))


def headers(paths: Iterable[str | os.PathLike[str]], hdu: int = 0) -> list[Header]:
    """One header of each of many files, read and parsed in two calls on all threads.

    >>> len(headers([]))
    0
    """
    text, offsets = torch.ops.fits.header_texts([os.fspath(path) for path in paths], hdu)
    return _headers(cut(text, offsets), cut(*torch.ops.fits.cards.packed(text, offsets)))


def _headers(texts: Sequence[str | memoryview], parsed: list[memoryview]) -> list[Header]:
    found = []
    known: dict[str, list[str]] = {}
    with _no_collection():
        for text, columns in zip(texts, parsed):
            header = Header.__new__(Header)
            header._text, header._parsed = "", Records.parse(text, columns, known)
            found.append(header)
    return found


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Pauses the collector of cycles while many objects are made that have none; it took a sixth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

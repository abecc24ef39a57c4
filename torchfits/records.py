"""The records of one header as parallel lists: what `Header` (torchfits/header.py) is made of.

A record is one card, or a long string with its CONTINUE cards. Keywords and values come from the C++ parser, as
columns; comments and card images, which few callers ask for, are cut out when they are first needed. A card keeps its
text verbatim until its value or comment changes.
"""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import torch

from torchfits.card import (
    CARD_LENGTH,
    COMMENTARY,
    Card,
    HierarchName,
    Malformed,
    field_of,
    format_card,
    name_of,
)

_SEPARATOR = "\x7f"


def columns_of(texts: list[str]) -> list[memoryview]:
    """What the C++ parser says of each header text; see csrc/format/card.h, header_pickle."""
    return cut(*torch.ops.fits.cards(texts))


def cut(data: torch.Tensor, offsets: torch.Tensor) -> list[memoryview]:
    """The pieces that an operator returned end to end."""
    whole = data.numpy().data
    return [whole[start:end] for start, end in itertools.pairwise(offsets.tolist())]


def split_cards(text: str) -> list[str]:
    """A header text as cards of 80 characters, up to END; the same rule as cards_from_text in csrc/format/card.h."""
    lines = [text]
    if "\n" in text:
        lines = [line[:-1] if line.endswith("\r") else line for line in text.removesuffix("\n").split("\n")]
        lines = [line or " " for line in lines]  # an empty line is a blank card
    cards: list[str] = []
    for line in lines:
        for start in range(0, len(line), CARD_LENGTH):
            cards.append(line[start : start + CARD_LENGTH].ljust(CARD_LENGTH))
            if cards[-1].rstrip(" ") == "END":
                return cards[:-1]
    return cards


def _texts(column: str | list[str]) -> list[str]:
    return column.split(_SEPARATOR) if isinstance(column, str) else column


def _names(column: str | list[str], known: dict[str, list[str]]) -> list[str]:
    if not isinstance(column, str):
        return column
    names = known.get(column)
    if names is None:
        names = known[column] = _texts(column)
    return names.copy()


class Records:
    """Parallel lists of keyword, value, comment and image, and the place of each name's first card."""

    __slots__ = ("_comments", "_first", "_images", "_long", "_text", "keywords", "may_be_malformed", "values")

    keywords: list[str]
    values: list[Any]
    may_be_malformed: bool  # whether a value may be Malformed
    _comments: list[str] | str  # a string: not split yet
    _images: list[str] | None  # None: not cut out of _text yet
    _text: str | memoryview  # a view: not decoded yet
    _long: list[tuple[int, int]]
    _first: dict[str, int] | None

    def __init__(self) -> None:
        self.keywords, self.values, self._comments, self._images = [], [], [], []
        self._text, self._long, self._first, self.may_be_malformed = "", [], None, False

    @classmethod
    def parse(cls, text: str | memoryview, parsed: memoryview, known: dict[str, list[str]] | None = None) -> Records:
        """The records of `text`, of which `parsed` holds the columns.

        `known` keeps the keywords of earlier headers: those of one instrument are the same, and so share their strings.
        """
        names, values, comments, long, hierarch, complexes, malformed, fields = pickle.loads(parsed)
        self = cls.__new__(cls)
        self._text, self._long, self._images, self._first = text, long, None, None
        self.values = values
        self.keywords = keywords = _names(names, {} if known is None else known) if values else []
        self._comments = comments if values else []
        for i in complexes:
            values[i] = complex(*values[i])
        self.may_be_malformed = bool(malformed)
        for i in malformed:
            values[i] = Malformed(values[i])
        for i in hierarch:
            keywords[i] = HierarchName(keywords[i])
        for i in fields:
            field = None if isinstance(keywords[i], HierarchName) else field_of(keywords[i], values[i])
            if field:
                keywords[i], values[i] = field
        return self

    def __len__(self) -> int:
        return len(self.values)

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        state = {name: getattr(self, name) for name in self.__slots__}
        if isinstance(self._text, memoryview):
            state["_text"] = self._text.tobytes().decode("latin-1")
        return None, state

    @property
    def comments(self) -> list[str]:
        if isinstance(self._comments, str):
            self._comments = _texts(self._comments)
        return self._comments

    @property
    def images(self) -> list[str]:
        if self._images is None:
            text = self._text
            cards = split_cards(text if isinstance(text, str) else text.tobytes().decode("latin-1"))
            for record, count in self._long:
                cards[record : record + count] = ["".join(cards[record : record + count])]
            self._images = cards
        return self._images

    @property
    def pristine(self) -> bool:
        """Whether nothing was changed since parsing."""
        return self._images is None

    def copy(self) -> Records:
        new = Records.__new__(Records)
        new.keywords, new.values = self.keywords.copy(), self.values.copy()
        new._comments = self._comments if isinstance(self._comments, str) else self._comments.copy()
        new._images = None if self._images is None else self._images.copy()
        new._text, new._long, new.may_be_malformed = self._text, self._long, self.may_be_malformed
        new._first = None if self._first is None else self._first.copy()
        return new

    # --- Looking up -------------------------------------------------------------------------------------------------

    def first(self, name: str) -> int | None:
        """Place of the first record with this name (see card.name_of)."""
        if self._first is None:
            count = len(self.keywords)
            self._first = dict(zip(reversed(self.keywords), range(count - 1, -1, -1)))
            for keyword in [
                k for k in self._first if not k.isupper()
            ]:  # HIERARCH names and record fields keep their case
                place = self._first[keyword]
                self._first[keyword.upper()] = min(place, self._first.get(keyword.upper(), place))
        return self._first.get(name)

    def places(self, name: str) -> list[int]:
        """All places with this name; of a record-valued keyword its plain keyword is a name too."""
        first = self.first(name)
        if first is None:
            field = name + "."
            return [i for i, k in enumerate(self.keywords) if k.startswith(field) and self.is_field(i)]
        return [i for i in range(first, len(self)) if self.keywords[i].upper() == name]

    def is_field(self, i: int) -> bool:
        """Whether record i is a record-valued keyword, `DP1.AXIS.1`."""
        return "." in self.keywords[i] and not isinstance(self.keywords[i], HierarchName)

    def is_blank(self, i: int) -> bool:
        return self.keywords[i] == "" and self.values[i] == ""

    def is_commentary(self, i: int) -> bool:
        return self.keywords[i] in COMMENTARY and not isinstance(self.keywords[i], HierarchName)

    def card(self, i: int) -> Card:
        return Card._of(self.keywords[i], self.values[i], self.comments[i], self.images[i])

    # --- Changing ---------------------------------------------------------------------------------------------------

    def insert(self, i: int, card: Card) -> None:
        """Puts a card before record i."""
        at_end = i == len(self)
        self.may_be_malformed |= isinstance(card._value, Malformed)
        self.comments.insert(i, card._comment)
        self.images.insert(i, card._image)
        self.keywords.insert(i, card._keyword)
        self.values.insert(i, card._value)
        if self._first is not None and at_end:
            self._first.setdefault(name_of(card._keyword), i)
        else:
            self._first = None

    def delete(self, i: int) -> None:
        del self.comments[i], self.images[i], self.keywords[i], self.values[i]
        self._first = None

    def replace(self, i: int, value: Any, comment: str) -> None:
        """A new value and comment for record i; the card's text stays as it was where they are the same."""
        same_value = type(value) is type(self.values[i]) and value == self.values[i]
        if same_value and comment == self.comments[i]:
            return
        keyword = self.keywords[i]
        text = _number_text(self.images[i]) if same_value and isinstance(value, (float, complex)) else None
        self.images[i] = format_card(keyword, value, comment, None if self.is_field(i) else text)
        self.values[i], self.comments[i] = value, comment


def _number_text(image: str) -> str:
    return image.partition("=")[2].partition("/")[0].strip()

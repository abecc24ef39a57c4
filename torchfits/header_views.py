"""What `header.cards`, `header.comments` and `header["HISTORY"]` are: views that look into their header."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from torchfits.card import KEYWORD_LENGTH, Card, checked_comment

if TYPE_CHECKING:
    from torchfits.header_reading import HeaderReading


class _View:
    __slots__ = ("_header",)

    def __init__(self, header: HeaderReading) -> None:
        self._header = header

    def __len__(self) -> int:
        return len(self._header)

    def __eq__(self, other: object) -> bool:
        try:
            return bool(list(self) == list(other))  # type: ignore[call-overload]
        except TypeError:
            return len(self) == 1 and list(self) == [other]

    __hash__ = None  # type: ignore[assignment]

    def _one(self, place: int) -> Any:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        return (self._one(i) for i in range(len(self._header)))

    def __getitem__(self, key: Any) -> Any:
        """One card's, or a view of those that a slice or pattern means."""
        selected = self._header._selected(key)
        if selected is not None:
            return type(self)(self._header._part(selected))
        return self._one(self._header._place(key))


class CardsView(_View):
    """The cards of a header, as `Card` objects, had by the same keys as values.

    >>> from torchfits import Header
    >>> [card.keyword for card in Header({"NAXIS": 1, "NAXIS1": 9, "A": 1}).cards["NAXIS*"]]
    ['NAXIS', 'NAXIS1']
    """

    __slots__ = ()

    def _one(self, place: int) -> Card:
        return self._header._records.card(place)

    def index(self, card: Card) -> int:
        """Number of the first card equal to this one."""
        return list(self).index(card)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self))


class CommentsView(_View):
    """The comments of a header, to be read and set by the same keys as values.

    >>> from torchfits import Header
    >>> header = Header({"NAXIS": 0})
    >>> header.comments["NAXIS"] = "number of axes"
    >>> print(header)  # doctest: +ELLIPSIS
    NAXIS   =                    0 / number of axes...
    """

    __slots__ = ()

    def _one(self, place: int) -> str:
        return self._header._records.comments[place]

    def __setitem__(self, key: Any, comment: Any) -> None:
        header = self._header
        selected = header._selected(key)
        if selected is None:
            selected, comment = [header._place(key)], [comment]
        elif isinstance(comment, str) or not hasattr(comment, "__iter__"):
            comment = [comment] * len(selected)
        for place, text in zip(selected, comment):
            header._records.replace(place, header._records.values[place], checked_comment(text))

    def __repr__(self) -> str:
        keywords = self._header.keys()
        width = max([KEYWORD_LENGTH, *map(len, keywords)])
        return "\n".join(f"{keyword:>{width}}  {comment}" for keyword, comment in zip(keywords, self))


class CommentaryView(Sequence[str]):
    """The texts of all HISTORY (or COMMENT, or blank) cards, one line each when printed.

    >>> from torchfits import Header
    >>> header = Header()
    >>> header["HISTORY"] = "bias subtracted"
    >>> header.add_history("flat fielded")
    >>> header["HISTORY"]
    bias subtracted
    flat fielded
    """

    def __init__(self, header: HeaderReading, keyword: str, part: slice = slice(None)) -> None:
        self._header: Any = header
        self._keyword = keyword
        self._part = range(header.count(keyword))[part]

    def _places(self) -> list[int]:
        places = self._header._records.places(self._keyword)
        return [places[i] for i in self._part]

    def __len__(self) -> int:
        return len(self._part)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            view = CommentaryView(self._header, self._keyword)
            view._part = self._part[index]
            return view
        if not hasattr(index, "__index__"):
            raise ValueError(f"{self._keyword} cards are indexed by numbers, not by {index!r}")
        return self._header._records.values[self._places()[index]]

    def __iter__(self) -> Iterator[str]:
        values = self._header._records.values
        return iter([values[place] for place in self._places()])

    def __setitem__(self, index: Any, text: Any) -> None:
        places = self._places()
        if isinstance(index, slice):
            places = places[index]
            texts = [text] * len(places) if isinstance(text, str) else text
            for place, one in zip(places, texts):
                self._header[place] = one
        else:
            self._header[places[index]] = text

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return list(self) == [other]
        return isinstance(other, (Sequence, CommentaryView)) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "\n".join(self)

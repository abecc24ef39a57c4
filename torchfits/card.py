"""One header card: what its keyword, value and comment may be, and how they are written in 80 characters.

FITS Standard 4.0, section 4.1 and 4.2; strings over several cards (CONTINUE): section 4.2.1.2; HIERARCH: the ESO
convention; record-valued keywords (``DP1.AXIS.1``): WCS Paper IV. Reading is done by the C++ parser,
csrc/format/card.h.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any

import torch

CARD_LENGTH = 80
KEYWORD_LENGTH = 8
COMMENTARY = ("", "COMMENT", "HISTORY")
COMMENTARY_LENGTH = CARD_LENGTH - KEYWORD_LENGTH

Value = str | int | float | complex | bool | None

_STANDARD_KEYWORD = re.compile(r"[A-Z0-9_-]{0,8}")
_HIERARCH_KEYWORD = re.compile(r"[ -<>-~]+")  # printable, without '='
_FIELD_KEYWORD = re.compile(r"([A-Za-z_]\w{0,7})\.([A-Za-z_]\w*(?:\.(?:\d+|[A-Za-z_]\w*))*)", re.ASCII)
_FIELD_VALUE = re.compile(
    r"([A-Za-z_]\w*(?:\.(?:\d+|[A-Za-z_]\w*))*): +([+-]?(?:\.\d+|\d+(?:\.\d*)?)(?:[DE][+-]?\d+)?)", re.ASCII
)


class HierarchName(str):
    """The name of a HIERARCH card, as given after that word."""

    __slots__ = ()


class Malformed:
    """Stands where a card's value cannot be understood; the card's text is kept."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Malformed) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


class Card:
    """A keyword, its value and its comment; it does not change, assign to the header instead.

    >>> card = Card("EXPTIME", 30.0, "[s] exposure time")
    >>> print(card.image.rstrip())
    EXPTIME =                 30.0 / [s] exposure time
    """

    __slots__ = ("_comment", "_image", "_keyword", "_value")

    _value: Any  # a Value, or Malformed

    def __init__(self, keyword: str | None = None, value: Any = None, comment: str | None = None) -> None:
        self._keyword, self._value = checked(keyword or "", value)
        self._comment = checked_comment(comment)
        self._image = format_card(self._keyword, self._value, self._comment)

    @classmethod
    def _of(cls, keyword: str, value: Any, comment: str, image: str) -> Card:
        card = cls.__new__(cls)
        card._keyword, card._value, card._comment, card._image = keyword, value, comment, image
        return card

    @classmethod
    def fromstring(cls, image: str | bytes) -> Card:
        """The card written in `image`, with the CONTINUE cards that may follow it.

        >>> Card.fromstring("NAXIS   = 2 / axes").value
        2
        """
        from torchfits.header import Header

        header = Header.fromstring(image)
        if len(header) != 1:
            raise ValueError(f"Card.fromstring: the text holds {len(header)} cards, not one: {image!r}")
        return header._records.card(0)

    @property
    def keyword(self) -> str:
        """The keyword in capitals; of a HIERARCH card the name after that word, as written."""
        return self._keyword

    @property
    def value(self) -> Value:
        """str, int, float, complex or bool; None if undefined. Raises ValueError where the text is no FITS value."""
        return readable(self._keyword, self._value)

    @property
    def comment(self) -> str:
        """The text after the slash."""
        return self._comment

    @property
    def image(self) -> str:
        """The card as written: 80 characters, or a multiple of it for long strings."""
        return self._image

    @property
    def is_blank(self) -> bool:
        """Whether the card is 80 blanks."""
        return self._keyword == "" and self._value == "" and not self._comment

    def __repr__(self) -> str:
        value = self._value.text if isinstance(self._value, Malformed) else self._value
        return repr((str(self._keyword), value, self._comment))

    def __str__(self) -> str:
        return self.image

    def __iter__(self) -> Iterator[Any]:
        return iter((self.keyword, self.value, self.comment))

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: Any) -> Any:
        return (self.keyword, self.value, self.comment)[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Card):
            return (self._keyword, self._value, self._comment) == (other._keyword, other._value, other._comment)
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self._keyword, self._value, self._comment))


def as_card(card: Any) -> Card:
    """A card from what `Header.append` takes: a Card, a tuple, a keyword, or None for a blank card."""
    if isinstance(card, Card):
        return card
    if card is None or isinstance(card, str):
        return Card(card)
    if isinstance(card, (tuple, list)) and 1 <= len(card) <= 3:
        if len(card) == 2 and isinstance(card[1], tuple) and len(card[1]) in (1, 2):
            return Card(card[0], *card[1])  # of a mapping of keywords to (value, comment)
        return Card(*card)
    raise ValueError(f"a header card is a Card, a keyword or a tuple (keyword, value, comment), not {card!r}")


def readable(keyword: str, value: Any) -> Value:
    """The value itself; raises for a malformed one."""
    if isinstance(value, Malformed):
        raise ValueError(
            f"header card {keyword!r}: {value.text!r} is not a FITS value, which is 'quoted text', a number, T, F or "
            f"(real, imaginary); set header[{keyword!r}] to replace it, or read its text from header.cards"
        )
    return value  # type: ignore[no-any-return]


# --- What may be set -------------------------------------------------------------------------------------------------


def name_of(keyword: str) -> str:
    """The keyword by which cards are looked up: in capitals, without HIERARCH.

    >>> name_of("hierarch ESO det")
    'ESO DET'
    """
    name = keyword.strip().upper()
    return name[9:].strip() if name.startswith("HIERARCH ") else name


def checked(keyword: str, value: Any) -> tuple[str, Value]:
    """Keyword and value as a card holds them; raises ValueError for what a FITS header cannot hold."""
    if not isinstance(keyword, str):
        raise ValueError(f"a header keyword is a string, not {keyword!r}")
    value = checked_value(keyword, value)
    field = _FIELD_KEYWORD.fullmatch(keyword)
    if field and isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{field[1].upper()}.{field[2]}", float(value)
    name = checked_keyword(keyword)
    if name in COMMENTARY:
        return name, "" if value is None else str(value)
    if isinstance(value, str) and not isinstance(name, HierarchName):
        return field_of(name, value) or (name, value)
    return name, value


def field_of(keyword: str, value: str) -> tuple[str, float] | None:
    """Keyword and number of a record-valued keyword: ``DP1 = 'AXIS.1: 2'`` is ``DP1.AXIS.1 = 2.0``."""
    match = _FIELD_VALUE.fullmatch(value) if ": " in value else None
    return (f"{keyword}.{match[1]}", float(match[2].replace("D", "E"))) if match else None


def checked_keyword(keyword: str) -> str:
    """A standard keyword in capitals, or the name of a HIERARCH card."""
    keyword = keyword.rstrip()
    upper = keyword.upper()
    if _STANDARD_KEYWORD.fullmatch(upper):
        if upper in ("END", "CONTINUE"):
            raise ValueError(f"the keyword {upper} is the header's own; it cannot be set")
        return upper
    name = keyword[9:].strip() if upper.startswith("HIERARCH ") else keyword
    if not _HIERARCH_KEYWORD.fullmatch(name) or name != name.strip():
        raise ValueError(f"illegal keyword {keyword!r}: a keyword is printable ASCII without '=' and leading blanks")
    return HierarchName(name)


def checked_value(keyword: str, value: Any) -> Value:
    """A Python value from a Python, NumPy or torch scalar; raises ValueError for anything else."""
    value = _scalar(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return checked_text(f"value of {keyword!r}", value).rstrip()
    if isinstance(value, (float, complex)):
        number = complex(value)
        if number - number != 0:  # NaN or infinite
            raise ValueError(
                f"value of {keyword!r}: {value!r} cannot be written in a FITS header; use None for an undefined value"
            )
        return value
    raise ValueError(
        f"value of {keyword!r}: {value!r} is a {type(value).__name__}; a header holds str, int, float, complex, bool "
        "or None"
    )


def _scalar(value: Any) -> Any:
    """Python's own scalar for a NumPy or torch one; of single precision the number that its shortest text says: 0.1."""
    if type(value) in (str, int, float, bool, complex) or value is None or not hasattr(value, "item"):
        return value
    if isinstance(value, torch.Tensor):
        if value.numel() != 1:
            return value
        if value.dtype in (torch.float32, torch.float16, torch.bfloat16):
            return float(str(value.detach().float().cpu().numpy().reshape(())[()]))
        return value.item()
    if getattr(value, "ndim", 0) != 0:
        return value
    plain = value.item()
    if isinstance(plain, float) and getattr(value, "itemsize", 8) < 8:
        return float(str(value))
    return float(value) if getattr(value.dtype, "kind", "") == "f" else plain


def checked_text(what: str, text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        odd = next(c for c in text if not (c.isascii() and c.isprintable()))
        raise ValueError(f"{what}: {text!r} holds {odd!r}; a FITS header holds printable ASCII characters only")
    return text


def checked_comment(comment: Any) -> str:
    if comment is None:
        return ""
    if not isinstance(comment, str):
        raise ValueError(f"a header comment is a string, not {comment!r}")
    return checked_text("comment", comment).rstrip()


# --- Writing ---------------------------------------------------------------------------------------------------------


def format_float(value: float) -> str:
    """The shortest text that reads back as `value`, in at most 20 characters: digits beyond are cut, as astropy does.

    >>> format_float(1e-7)
    '1E-07'
    """
    text = str(value).replace("e", "E")
    if len(text) <= 20:
        return text
    mantissa, letter, exponent = text.partition("E")
    tail = letter + exponent
    return mantissa[: 20 - len(tail)] + tail


def format_value(value: Value | Malformed) -> str:
    """A value in fixed format: numbers end in column 30, strings start in column 11 (section 4.2)."""
    if value is None:
        return ""
    if isinstance(value, str):
        if not value:
            return "''"
        text = value.replace("'", "''")
        return f"'{text:8}'".ljust(20)
    if isinstance(value, bool):
        return f"{'T' if value else 'F':>20}"
    if isinstance(value, int):
        return f"{value:>20d}"
    if isinstance(value, Malformed):
        return value.text
    if isinstance(value, complex):
        return f"{f'({format_float(value.real)}, {format_float(value.imag)})':>20}"
    return f"{format_float(value):>20}"


def format_card(keyword: str, value: Any, comment: str, value_text: str | None = None) -> str:
    """The card's 80 characters, or a multiple of it. `value_text`: a number's own text, to be kept."""
    if keyword in COMMENTARY and not isinstance(keyword, HierarchName):
        lines = [value[i : i + COMMENTARY_LENGTH] for i in range(0, len(value), COMMENTARY_LENGTH)] or [""]
        return "".join(f"{keyword:8}{line:72}" for line in lines)
    hierarch = isinstance(keyword, HierarchName)
    head = f"HIERARCH {keyword} " if hierarch else f"{keyword:8}"
    field = None if hierarch else _FIELD_KEYWORD.fullmatch(keyword)
    if field:
        number = str(int(value)) if value == int(value) and abs(value) < 1e15 else format_float(value)
        head, text = f"{field[1]:8}", f"'{field[2]}: {number}'"
    else:
        text = f"{value_text:>20}" if value_text else format_value(value)
    if len(keyword) > KEYWORD_LENGTH and not field:
        text = text.strip()
    if len(head) + 2 + len(text) == CARD_LENGTH + 1 and hierarch:
        head = head[:-1]
    if len(head) + 2 + len(text) > CARD_LENGTH:
        if not isinstance(value, str):
            raise ValueError(f"header card {keyword!r}: keyword and value {text.strip()} need more than 80 characters")
        return _format_long(keyword, head, value, comment)
    image = f"{head}= {text}" + (f" / {comment}" if comment else "")
    if len(image) > CARD_LENGTH:
        warnings.warn(f"header card {keyword!r}: its comment is cut to fit into 80 characters", stacklevel=2)
    return f"{image:80.80}"


def _format_long(keyword: str, head: str, value: str, comment: str) -> str:
    room = CARD_LENGTH - len(head) - 5  # "= " and two quotes, and the ampersand
    if room < 2:
        raise ValueError(f"header card {keyword!r}: the keyword leaves no room for a value in 80 characters")
    pieces = pieces_of(value.replace("'", "''"), room, 67)
    if value.endswith("&") and not comment:
        pieces.append("")  # so that no reader takes the last '&' for a continuation
    comments = pieces_of(comment, 64, 64) if comment else []
    ends = ["&"] * (len(pieces) + len(comments) - 1) + [""]
    cards = [f"'{piece}{end}'" for piece, end in zip(pieces, ends)]
    cards += [f"'{end}' / {piece}" for piece, end in zip(comments, ends[len(pieces) :])]
    return "".join(
        f"{start}{card}".ljust(CARD_LENGTH) for start, card in zip([f"{head}= ", *["CONTINUE  "] * len(cards)], cards)
    )


def pieces_of(text: str, first: int, width: int) -> list[str]:
    """Cuts a text after blanks into pieces of at most `width` characters; a longer word is cut, a doubled quote is not.

    >>> pieces_of("one two three", 5, 8)
    ['one ', 'two ', 'three']
    """
    pieces = []
    room = first
    while len(text) > room:
        cut = text.rfind(" ", 0, room) + 1
        if cut == 0:
            cut = room
            quotes = cut - len(text[:cut].rstrip("'"))
            cut -= quotes % 2
        pieces.append(text[:cut])
        text = text[cut:]
        room = width
    return [*pieces, text]

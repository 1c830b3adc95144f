"""Where the language-aware metric and MLQA's official one part, rule by rule, each with a case that shows it.

The cases are data, so that the docs print them and the tests run them: a difference no longer true fails.
"""

from typing import NamedTuple


class Difference(NamedTuple):
    """One rule: what MLQA does, what `aware` does and why; a case on which their F1 differ, with both figures
    (None: MLQA refuses the language)."""

    rule: str
    mlqa: str
    aware: str
    language: str
    prediction: str
    gold: str
    mlqa_f1: float | None
    aware_f1: float


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "Unicode form",
        "code points as they come",
        "NFKC: a nukta letter is one letter however it is stored; full-width forms, presentation forms too",
        "hi", "\u0958लम", "\u0915\u093cलम", 0.0, 1.0,
    ),
    Difference(
        "invisible characters",
        "kept: a word with a joiner is another word",
        "deleted; Malayalam chillus and Bengali khanda ta in their old spelling become the letter",
        "hi", "भक्\u200dति", "भक्ति", 0.0, 1.0,
    ),
    Difference(
        "case",
        "lower()",
        "casefold(), so ß is ss and both sigmas are one; Turkish and Azeri i by their own rule",
        "de", "STRASSE", "Straße", 0.0, 1.0,
    ),
    Difference(
        "digits",
        "digits of two scripts differ",
        "decimal digits of every script become ASCII's",
        "hi", "१९८९", "1989", 0.0, 1.0,
    ),
    Difference(
        "symbols",
        "ASCII symbols are deleted, all others kept",
        "all symbols (category S) go, so that ₹ and € fare as $ does",
        "en", "€500", "500", 0.0, 1.0,
    ),
    Difference(
        "punctuation inside a word",
        "deleted, so its two sides become one word",
        "a space, save full stops and apostrophes, and commas between digits, which are deleted",
        "hi", "भारत-पाकिस्तान", "भारत पाकिस्तान", 0.0, 1.0,
    ),
    Difference(
        "Arabic article",
        "every ال goes, inside words too, and the word is cut there",
        "only ال at the start of a longer word",
        "ar", "رس", "رسالة", 2 / 3, 0.0,
    ),
    Difference(
        "Arabic vowel signs and tatweel",
        "kept",
        "deleted, and Farsi or Urdu yeh, kaf, heh become the Arabic ones",
        "ar", "مُحَمَّد", "محمد", 0.0, 1.0,
    ),
    Difference(
        "Vietnamese articles",
        "của (of), là (is), cái, chiếc, những",
        "cái, chiếc, những: 'of' and 'is' are no articles",
        "vi", "là", "là", 0.0, 1.0,
    ),
    Difference(
        "nothing but articles",
        "the normal form is empty",
        "articles are kept where nothing else is there: vitamin A",
        "en", "A", "a", 0.0, 1.0,
    ),
    Difference(
        "both sides empty",
        "F1 0 (its exact match says 1)",
        "F1 1, as SQuAD v2",
        "en", "?", "!", 0.0, 1.0,
    ),
    Difference(
        "scripts without spaces",
        "single tokens for U+4E00–9FA5, in Chinese alone",
        "single tokens for all of Han, kana, Thai, Lao, Khmer, Burmese, in every language"
        "; combining marks stay with their character",
        "en", "東京都", "東京", 0.0, 0.8,
    ),
    Difference(
        "languages",
        "seven, any other is refused",
        "any; articles for ca de el en es fr hu it nl pt ro sv vi, ال for ar",
        "fr", "la Seine", "Seine", None, 1.0,
    ),
)  # fmt: skip

r"""The kit's language-aware exact match and F1, for every language.

An unknown language gets the generic rules, never an error. In order:

1. *One spelling of one text.* Unicode's NFKC (Unicode Standard Annex 15), case folding, NFKC again. NFC
   would do for nukta letters (U+0958 … are composition exclusions: both spellings end decomposed, U+0929 …
   composed); NFKC is taken because it also folds full-width forms, Arabic presentation forms, no-break
   spaces and both spellings of Thai and Lao *am*. Its price: superscripts and circled digits become plain
   ones. Turkish and Azeri fold I to ı and İ to i.
2. *Invisible characters are deleted*: ZWJ, ZWNJ, BOM, soft hyphen, direction marks, variation selectors. In
   Indic scripts the joiners choose the shape of a conjunct, in Urdu the shape of a letter, never another
   word; about one gold answer in eight of XQuAD-IN's Kannada, Malayalam and Telugu holds a ZWNJ. Before
   that, the older spellings of the Malayalam chillus and of Bengali khanda ta (consonant, virama, ZWJ)
   become the letter that replaced them.
3. *Arabic script*: short-vowel signs and tatweel deleted; Farsi yeh and kaf and Urdu heh become the Arabic
   ones.
4. *Decimal digits of any script* become ASCII's. Numerals in words or roman letters are left alone.
5. *Punctuation* (category P, danda and the Arabic, Chinese and Thai marks included) *and symbols* (category
   S) become a space. S too, because ASCII `$ + < = > ^ | ~` and the backquote go in every metric, so `₹ € ×
   ৳` must not stay. Full stops, apostrophes and separators within a number are deleted, not spaced: `U.S.`
   is one word, `1,000` is 1000. French, Italian and Catalan apostrophes divide: `l'eau` is an article and a
   word.
6. *Tokens* at white space; in Han, kana, Thai, Lao, Khmer and Burmese each base character with its combining
   marks (and stacked consonants) is a token, in a text of any language. Runs of other letters and digits
   stay whole. No token is ever cut at a combining mark.
7. *Articles* of the language are dropped, unless nothing else is there. Arabic: ال at the start of a longer
   word.

Not folded, as they are other spellings rather than other encodings: a nukta that is left out, chandrabindu
for anusvara, Arabic hamza forms, Greek accents. Not told apart, as in the official metrics: 3.5, 3,5 and 35.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from kit.score.languages import code
from kit.score.overlap import CharMap, as_golds, token_f1

_JOINED = {
    "\u0d23\u0d4d\u200d": "\u0d7a", "\u0d28\u0d4d\u200d": "\u0d7b", "\u0d30\u0d4d\u200d": "\u0d7c",
    "\u0d32\u0d4d\u200d": "\u0d7d", "\u0d33\u0d4d\u200d": "\u0d7e", "\u0d15\u0d4d\u200d": "\u0d7f",
    "\u09a4\u09cd\u200d": "\u09ce",
}  # fmt: skip
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)
_APOSTROPHE = re.compile("[`\u00b4\u02b9\u02bb\u02bc\u0384\u055a\u05f3\u05f4\u2018\u2019\u201b\u2032\uff07]")
# Characters that NFKC would turn into a space and a lone combining mark (¨ ¯ ¸ …): punctuation, so a space.
_SPACING_ACCENT = re.compile(
    "[\u00a8\u00af\u00b8\u02d8-\u02dd\u037a\u0385\u1fbd\u1fbf-\u1fc1\u1fcd-\u1fcf\u1fdd-\u1fdf\u1fed\u1fee\u1ffd\u1ffe"
    "\u2017\u203e\u309b\u309c\ufc5e-\ufc63\ufe49-\ufe4c\ufe70\ufe72\ufe74\ufe76\ufe78\ufe7a\ufe7c\ufe7e\uffe3]"
)
_RARE = re.compile(f"{_INVISIBLE.pattern}|{_APOSTROPHE.pattern}|{_SPACING_ACCENT.pattern}")
# Full stop, Arabic decimal and thousands separators, Devanagari abbreviation sign.
_DELETED = ".\u066b\u066c\u0970"
# Yeh, kaf, heh: Farsi's and Urdu's to Arabic's.
_LETTERS = {"\u06cc": "\u064a", "\u06a9": "\u0643", "\u06c1": "\u0647"}
_ARABIC_SIGNS = frozenset("\u0640\u0670" + "".join(map(chr, range(0x064B, 0x0653))))
_DIGIT_COMMA = re.compile(r",(?<=\d,)(?=\d)")  # the comma first: a search for it can skip what is none
_DIVIDING_APOSTROPHE = frozenset({"ca", "fr", "it"})
_DOTTED_I = frozenset({"az", "tr"})

# Scripts written without spaces between words: Thai and Lao, Burmese, Khmer, kana, Han (with its supplementary planes).
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3040-\u30ff"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua9e0-\ua9ff\uaa60-\uaa7f\uf900-\ufaff\U0001b000-\U0001b16f"
    "\U00020000-\U0003ffff]"
)
_STACKING = "\u1039\u17d2"  # Burmese virama, Khmer coeng: the consonant that follows is written below

_ARTICLES = {
    "ca": "el la els les l un una uns unes",
    "de": "ein eine einen einem eines einer der die das den dem des",
    "el": "ο η το οι τα του της των τον την τους τις ένας μια μία ένα ενός μιας",
    "en": "a an the",
    "es": "un una unos unas el la los las",
    "fr": "le la les l un une des du",
    "hu": "a az egy",
    "it": "il lo la i gli le l un uno una",
    "nl": "de het een",
    "pt": "o a os as um uma uns umas",
    "ro": "un o niște",
    "sv": "en ett den det de",
    "vi": "cái chiếc những",
}


def _spell(text: str, dotted_i: bool) -> str:
    """Steps 1 and 2 for a text that is not plain ASCII."""
    if "\u200d" in text:
        for sequence, letter in _JOINED.items():
            text = text.replace(sequence, letter)
    if _RARE.search(text):  # one look spares most texts three
        text = _SPACING_ACCENT.sub(" ", _APOSTROPHE.sub("'", _INVISIBLE.sub("", text)))
    text = unicodedata.normalize("NFKC", text)
    if dotted_i:
        text = text.replace("İ", "i").replace("I", "ı")
    folded = text.casefold()
    return folded if folded == text else unicodedata.normalize("NFKC", folded)


def _fold(char: str, apostrophe: str | None) -> str | None:
    """Steps 3 to 5 for one character."""
    if char == "'":
        return apostrophe
    if char in _DELETED or char in _ARABIC_SIGNS:
        return None
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    return " " if category[0] in "PS" else _LETTERS.get(char, char)


_FOLDING = CharMap(lambda char: _fold(char, None))
_FOLDING_DIVIDED = CharMap(lambda char: _fold(char, " "))


def _plain(text: str, short: str) -> str:
    """Steps 1 to 5."""
    dotted_i = short in _DOTTED_I
    plain = text.isascii() and not dotted_i
    text = text.lower().replace("`", "'") if plain else _spell(text, dotted_i)
    if "," in text:
        text = _DIGIT_COMMA.sub("", text)
    folding = _FOLDING_DIVIDED if short in _DIVIDING_APOSTROPHE else _FOLDING
    # Of the few characters that a text is made of fewer change, and none into one that does: much faster than to
    # look each place up, as `translate` does.
    for char in set(text):
        reply = folding[ord(char)]
        if reply != char:
            text = text.replace(char, reply or "")
    return text


def _split_unspaced(word: str) -> list[str]:
    """Step 6: single characters of unspaced scripts with what belongs to them, runs of anything else."""
    pieces: list[str] = []
    running = False  # whether the last piece is a run of letters or digits that may grow
    for char in word:
        single = UNSPACED.match(char) is not None
        attached = unicodedata.category(char)[0] == "M" or (bool(pieces) and pieces[-1][-1] in _STACKING)
        if pieces and (attached or (running and not single)):
            pieces[-1] += char
        else:
            pieces.append(char)
            running = not single
    return pieces


@lru_cache(maxsize=1 << 6)
def _articles(short: str) -> frozenset[str]:
    return frozenset(_spell(word, False) for word in _ARTICLES.get(short, "").split())


def tokens(text: str, language: str) -> tuple[str, ...]:
    """Return the tokens of a text in the normal form described above; any language code, known or not."""
    short = code(language)
    return _words(_plain(text, short), short)


def tokens_of_lines(lines: Sequence[str], language: str) -> list[tuple[str, ...]]:
    """`tokens` of each text; none may hold a newline. No rule looks across one, so they are folded all at once."""
    short = code(language)
    plain = _plain("\n".join(lines), short)
    if short == "ar" or _articles(short) or UNSPACED.search(plain):
        return [_words(line, short) for line in plain.split("\n")]
    return [tuple(line.split()) for line in plain.split("\n")]  # all that the last steps come to elsewhere


def _words(plain: str, short: str) -> tuple[str, ...]:
    """Steps 6 and 7."""
    words = plain.split()
    if UNSPACED.search(plain):
        words = [piece for word in words for piece in _split_unspaced(word)]
    if short == "ar":
        words = [word[2:] if len(word) > 2 and word.startswith("ال") else word for word in words]
    elif articles := _articles(short):
        words = [word for word in words if word not in articles] or words
    return tuple(words)


@lru_cache(maxsize=1 << 15)
def gold_tokens(golds: tuple[str, ...], language: str) -> tuple[tuple[str, ...], ...]:
    """Return `tokens` of each gold answer, remembered: one set of golds serves every checkpoint."""
    return tuple(tokens(gold, language) for gold in golds)


def pair_f1(prediction: tuple[str, ...], gold: tuple[str, ...]) -> float:
    """F1 of two token sequences, 0 to 1; where either side is empty, 1.0 if both are."""
    if not prediction or not gold:
        return float(prediction == gold)
    return token_f1(prediction, gold)


def best_f1(prediction: tuple[str, ...], golds: tuple[tuple[str, ...], ...]) -> float:
    """`pair_f1` against the best of one gold or more."""
    if len(golds) == 1:
        return pair_f1(prediction, golds[0])
    return max(pair_f1(prediction, gold) for gold in golds)


def aware_exact_match(prediction: str, gold: str | Sequence[str], language: str) -> float:
    """1.0 where both sides have the same tokens in the same order, else 0.0.

    Of several golds the best counts. Raises ValueError for an empty sequence of golds.
    """
    return float(tokens(prediction, language) in gold_tokens(as_golds(gold), language))


def aware_f1(prediction: str, gold: str | Sequence[str], language: str) -> float:
    """The language-aware token F1, 0 to 1; of several golds the best counts.

    Where either side has no token, 1.0 if neither has one and 0.0 otherwise (as SQuAD v2, unlike MLQA).
    Raises ValueError for an empty sequence of golds.
    """
    return best_f1(tokens(prediction, language), gold_tokens(as_golds(gold), language))

"""Text in many scripts, as models write it: words, articles, digits, punctuation, joiners, odd spaces."""

from __future__ import annotations

from hypothesis import strategies as st

SCRIPTS = {
    "Latin": "abcdeéñßäöüİıthenluoÀ",
    "Vietnamese": "củalàáiếchiệnhữngÂ",
    "Cyrillic": "абвгдеёжийЯ",
    "Greek": "αβγδάήςσΏ",
    "Devanagari": "कखगनरािीेंँ़्\u0958\u0929",
    "Bengali": "কখগতরািীং়্\u09dc\u09df",
    "Odia": "କଖଗରାିୀଂ଼୍\u0b5c",
    "Gurmukhi": "ਕਖਗਸਰਾਿੀੰ਼\u0a33\u0a36",
    "Telugu": "కఖగరాిీం్",
    "Tamil": "கநரமாிீ்\u0bca\u0bcb",
    "Malayalam": "കനരലളാി്ം\u0d7a\u0d7b\u0d7c",
    "Arabic": "ابتالرمنهةىيیکہءأ\u064e\u0651\u0640",
    "Han": "中国北京大学的一年月",
    "Kana": "あいうえおカキガﾞｶ",
    "Thai": "กขคงนมาิีำ่้เ",
    "Khmer": "កខគរាិ្",
    "Hangul": "가나다라마바",
    "Hebrew": "אבגדהל",
}
_ARTICLES = """
a an the A The THE un una el la los las der die das ein eines des của là cái chiếc những ال الم
le les l' d' η το o os
"""
ARTICLES = _ARTICLES.split()
DIGITS = ["1989", "10", "१९८९", "১৯", "୧୨", "٣٤", "۱۲", "๑๒", "３５", "1,000", "3.5", "½"]
MARKS = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~।॥،؟؛、。，「」《》…–—’“”«»¿¡₹€×°´¨٫٬॰·・๛")
GLUE = ["", " ", " ", "  ", "\n", "\t", "\u00a0", "\u3000", "\u200c", "\u200d", "\u200b", "\ufeff", "-", "."]

# One flat pool: drawing from nested strategies costs more than all that is tested with it.
PIECES = [*(letter for letters in SCRIPTS.values() for letter in letters), *ARTICLES * 3, *DIGITS, *MARKS]
SPACED = [f"{piece}{glue}" for piece in [*ARTICLES, *DIGITS, *MARKS[::5]] for glue in GLUE[1:]]
_mixed = st.lists(st.sampled_from([*PIECES, *SPACED, *GLUE * 8]), max_size=12).map("".join)


def texts() -> st.SearchStrategy[str]:
    """Short texts in any mix of scripts; one in a few is any Unicode at all."""
    return _mixed | _mixed | _mixed | st.text(max_size=12)


def _arrange(gold: str, other: str, form: int) -> tuple[str, str]:
    words = gold.split(" ")
    forms = [gold, f"{other} {gold}", f"{gold} {other}", " ".join(words[::-1][:3]) + other, other]
    return forms[form], gold


def pairs() -> st.SearchStrategy[tuple[str, str]]:
    """A prediction and a gold that often share words, so that F1 is not always 0."""
    return st.builds(_arrange, texts(), texts(), st.integers(0, 4))

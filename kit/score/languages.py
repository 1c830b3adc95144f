"""One short code for a language, however a data set writes it: `or`, `ory_Orya`, `zh-Hans`, `eng`."""

from functools import lru_cache

# ISO 639-3 (and FLORES) codes whose two-letter form the rules of `aware` and `mlqa` are filed under. Others
# stay as they are: a language without rules of its own needs no alias.
_SHORT = {
    "ara": "ar", "arb": "ar", "asm": "as", "azj": "az", "aze": "az", "ben": "bn", "cat": "ca", "cmn": "zh",
    "deu": "de", "ger": "de", "ell": "el", "eng": "en", "est": "et", "ekk": "et", "fin": "fi", "fra": "fr",
    "fre": "fr", "guj": "gu", "hin": "hi", "hun": "hu", "ind": "id", "ita": "it", "jpn": "ja", "kan": "kn",
    "kor": "ko", "mal": "ml", "mar": "mr", "msa": "ms", "nld": "nl", "dut": "nl", "ori": "or", "ory": "or",
    "pan": "pa", "por": "pt", "ron": "ro", "rum": "ro", "rus": "ru", "spa": "es", "swa": "sw", "swe": "sv",
    "swh": "sw", "tam": "ta", "tel": "te", "tha": "th", "tur": "tr", "urd": "ur", "vie": "vi", "xho": "xh",
    "zho": "zh", "zsm": "ms",
}  # fmt: skip


@lru_cache(maxsize=1 << 10)
def code(language: str) -> str:
    """Return the part before a script or region (`_Deva`, `-BR`), in two small letters where known.

    An unknown code comes back as it is: no metric but MLQA's refuses a language.
    """
    first = language.strip().lower().replace("-", "_").partition("_")[0]
    return _SHORT.get(first, first)

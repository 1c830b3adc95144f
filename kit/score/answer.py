"""From the raw output to the answer that is scored: the cut of the paper's protocol."""


def cut(raw: str) -> str:
    r"""Return the answer in a raw output (what follows the prompt): stripped, then its first line only.

    The order is the protocol's and it matters (trap 8): `strip` comes first, so an output that *begins* with
    newlines still has an answer. Hence stopping generation at the first newline gives the same answer only
    if something other than white space stands before that newline; a stop rule has to wait for it. Lines end
    at `\n` alone, as in the published script: `\r`, U+2028 and the like stay within the line. The cut also
    hides how much was generated, which is why the raw output is kept beside the answer.
    """
    return parted(raw)[0]


def parted(raw: str) -> tuple[str, str]:
    """The answer as `cut` returns it, and the lines behind it: empty where there are none."""
    answer, _, beyond = raw.strip().partition("\n")
    return answer, beyond

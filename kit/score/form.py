"""What the form of an answer costs it: F1 split into what its best span earns and what words around it lose.

The decisive experiment O3. Oracles cut an answer with the gold at hand: to its best prefix (what follows was too
much), its best suffix (what came before was), its best span (both). With F the plain F1 and F_prefix … under them,

    lost_over = ½ [(F_prefix − F) + (F_span − F_suffix)]
    lost_lead = ½ [(F_suffix − F) + (F_span − F_prefix)]

so that F = F_span − lost_over − lost_lead, item by item and in every mean. The halves are those of Shapley: a loss is
credited by what mending it brings, before and after the other is mended.

The metric is SQuAD's F1 on SQuAD's tokens. A foil is the gold of another question on the same context: an answer that
parrots its context holds both, and then the best span says nothing.

Not every part of an answer is tried. Among parts that share as many tokens with the gold the shortest is best, so one
for each number of shared tokens is enough; golds and foils are counted once, and an answer is gone through once.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kit.score import squad
from kit.score.answer import parted
from kit.score.overlap import f1_of_counts, token_f1

Tokens = Sequence[str]


class Form(NamedTuple):
    """Of one output, each 0 to 1: F1 of its best span, F1 lost by running on and by leading in, and the F1 of the span
    that fits a foil best (None where the context has no other question).
    """

    span: float
    lost_over: float
    lost_lead: float
    foil: float | None


class Oracles(NamedTuple):
    """F1 of an answer as it is, of its best prefix, best suffix and best span."""

    whole: float
    prefix: float
    suffix: float
    span: float


class Targets(NamedTuple):
    """What every answer to a question is measured against: `golds` golds, then its foils, numbered from 0.

    `bags` holds how often each has each of its tokens, `widths` how many tokens each has, `holders` the numbers of
    those that have a token.
    """

    golds: int
    bags: tuple[Mapping[str, int], ...]
    widths: tuple[int, ...]
    holders: Mapping[str, Sequence[int]]


_NOTHING = Oracles(0.0, 0.0, 0.0, 0.0)


def targets_of(golds: Sequence[str], foils: Sequence[str]) -> Targets:
    """The targets of a question with one gold answer or more; foils that normalise as a gold does are none."""
    wanted = squad.gold_tokens(tuple(golds))
    others = squad.gold_tokens(tuple(foils)) if foils else []
    return _counted(wanted, [foil for foil in others if foil and foil not in wanted])


def oracles(answer: Tokens, golds: Sequence[Tokens]) -> Oracles:
    """F1 against the best gold for each, the empty prefix, suffix and span among those tried.

    A best part begins and ends with words of the gold where it is cut, if it is not empty: any other word there only
    lengthens it.
    """
    targets = _counted(golds, [])
    return _best(answer, targets, _places(answer, targets))


def forms(raws: Sequence[str], golds: Sequence[Sequence[str]], foils: Sequence[Sequence[str]]) -> list[Form]:
    """The form of raw outputs (uncut), one gold or more each; foils that normalise as a gold does are none."""
    return forms_against(raws, list(map(targets_of, golds, foils)))


def forms_against(raws: Sequence[str], targets: Sequence[Targets]) -> list[Form]:
    """`forms` with the targets of each output at hand: they are the same for every cell of a slice."""
    if not raws:
        return []
    answers = squad.tokens_of_lines([parted(raw)[0] for raw in raws])
    return [_form(answer, against) for answer, against in zip(answers, targets, strict=True)]


def length_f1s(raws: Sequence[str], golds: Sequence[Sequence[str]]) -> list[float]:
    """F1, 0 to 1, of the best span of each raw output that has as many tokens as the gold it is measured against; of
    the whole answer where that is shorter. The length oracle of S3: a cut at that length would be blind to a lead-in.
    """
    if not raws:
        return []
    answers = squad.tokens_of_lines([parted(raw)[0] for raw in raws])
    wanted = [squad.gold_tokens(tuple(own)) for own in golds]
    return [
        max(_length_f1(answer, gold) for gold in own) for answer, own in zip(answers, wanted, strict=True)
    ]


def _length_f1(answer: Tokens, gold: Tokens) -> float:
    width = len(gold)
    if not width or len(answer) <= width:
        return token_f1(answer, gold) if gold and answer else float(not gold and not answer)
    left = {token: gold.count(token) for token in set(gold)}
    same = best = 0
    for at, token in enumerate(answer):  # a window of the gold's length, moved by one token at a time
        if token in left:
            same += left[token] > 0
            left[token] -= 1
        gone = answer[at - width] if at >= width else None
        if gone is not None and gone in left:
            left[gone] += 1
            same -= left[gone] > 0
        best = max(best, same)
    return f1_of_counts(best, width, width) if best else 0.0


def _counted(golds: Sequence[Tokens], foils: Sequence[Tokens]) -> Targets:
    bags: list[dict[str, int]] = []
    holders: dict[str, list[int]] = {}
    for number, tokens in enumerate((*golds, *foils)):
        bag: dict[str, int] = {}
        for token in tokens:
            bag[token] = bag.get(token, 0) + 1
        for token in bag:
            holders.setdefault(token, []).append(number)
        bags.append(bag)
    return Targets(len(golds), tuple(bags), tuple(map(len, (*golds, *foils))), holders)


def _places(answer: Tokens, targets: Targets) -> dict[int, list[int]]:
    """By number of a target: where tokens of it stand in the answer; those with none are left out."""
    places: dict[int, list[int]] = {}
    holders = targets.holders
    for at, token in enumerate(answer):
        if token in holders:
            for number in holders[token]:
                if number in places:
                    places[number].append(at)
                else:
                    places[number] = [at]
    return places


def _form(answer: Tokens, targets: Targets) -> Form:
    places = _places(answer, targets)
    whole, prefix, suffix, span = _best(answer, targets, places)
    golds, foil = targets.golds, None
    if len(targets.bags) > golds:
        foil = 0.0
        for number, found in places.items():
            if number >= golds:
                foil = max(foil, _parts(answer, found, targets.bags[number], targets.widths[number]).span)
    return Form(
        span=span,
        lost_over=((prefix - whole) + (span - suffix)) / 2,
        lost_lead=((suffix - whole) + (span - prefix)) / 2,
        foil=foil,
    )


def _best(answer: Tokens, targets: Targets, places: Mapping[int, list[int]]) -> Oracles:
    """The oracles against the golds alone."""
    best = _NOTHING
    for number in range(targets.golds):
        if number in places:
            found = _parts(answer, places[number], targets.bags[number], targets.widths[number])
        elif targets.widths[number]:
            continue
        else:  # the empty answer is right, and every answer begins and ends with it
            found = Oracles(float(not answer), 1.0, 1.0, 1.0)
        best = found if best is _NOTHING else Oracles(*map(max, best, found))
    return best


def _parts(answer: Tokens, places: list[int], bag: Mapping[str, int], width: int) -> Oracles:
    """The oracles against one gold, whose tokens stand at these places, one at least."""
    length, count, first = len(answer), len(places), places[0]
    if count > 1 and len({answer[at] for at in places}) < count:
        return _parts_with_repeats(answer, places, bag, width)
    whole = f1_of_counts(count, length, width)
    if places[-1] - first == count - 1:  # side by side, as in a verbatim gold: the more of them the better
        return Oracles(
            whole,
            f1_of_counts(count, first + count, width),
            f1_of_counts(count, length - first, width),
            f1_of_counts(count, count, width),
        )
    return Oracles(
        whole,
        _best_f1([at + 1 for at in places], width),
        _best_f1([length - at for at in reversed(places)], width),
        _best_f1(
            [min(places[at + more] - places[at] for at in range(count - more)) + 1 for more in range(count)],
            width,
        ),
    )


def _parts_with_repeats(answer: Tokens, places: list[int], bag: Mapping[str, int], width: int) -> Oracles:
    """`_parts` where a token comes more than once: it counts as often as the gold has it."""
    length = len(answer)
    prefixes = _lengths(answer, places, bag)
    mirrored = [length - 1 - at for at in reversed(places)]
    suffixes = _lengths(answer[::-1], mirrored, bag)
    spans = [length] * len(prefixes)
    for start, first in enumerate(places):
        for more, last in enumerate(_lengths(answer, places[start:], bag)):
            spans[more] = min(spans[more], last - first)
    return Oracles(
        f1_of_counts(len(prefixes), length, width),
        _best_f1(prefixes, width),
        _best_f1(suffixes, width),
        _best_f1(spans, width),
    )


def _lengths(answer: Tokens, places: list[int], bag: Mapping[str, int]) -> list[int]:
    """How long a prefix must be to share 1, 2, … tokens with the gold, counting those at these places alone."""
    left = dict(bag)
    lengths = []
    for at in places:
        token = answer[at]
        if left[token]:
            left[token] -= 1
            lengths.append(at + 1)
    return lengths


def _best_f1(lengths: Sequence[int], width: int) -> float:
    """The best F1 of parts so long that share 1, 2, … tokens with a gold of that width."""
    return max(f1_of_counts(same, length, width) for same, length in enumerate(lengths, 1))

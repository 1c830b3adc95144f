"""Lines of scores are written by hand: they must be those of a JSON encoder, and come back as they were."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from kit.data.example import Example, foils
from kit.results.items import read_scores
from kit.results.score_cell import score_generation
from kit.score import METRICS_VERSION, forms, score_item
from tests.results.cells import Shelf

WORDS = st.lists(
    st.sampled_from(["Rom", "rote", "Katze", "the", "“x”", "क", "\\", '"', "None", "\n"]), max_size=6
)
TEXTS = WORDS.map(" ".join)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(TEXTS, max_size=2), TEXTS, st.sampled_from(['c"1', "None\t", "é"])), max_size=5
    ),
    st.sampled_from(["hi", "or"]),
)
def test_a_line_is_what_a_json_encoder_makes_of_the_plain_scores(
    asked: list[tuple[list[str], str, str]], language: str
) -> None:
    examples = [
        Example(f'"q\\{at}é', context, "", "?", tuple(golds), language)
        for at, (golds, _, context) in enumerate(asked)
    ]
    raws = [raw for _, raw, _ in asked]
    with tempfile.TemporaryDirectory() as root:
        folder = Shelf(Path(root), lambda language, gold: examples).add(raws, language=language)
        for _ in range(2):  # the second time with what is remembered of the slice
            score_generation(folder, list(examples))
            lines = (folder / "scores.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
            assert lines == [_line(e, raw, examples) for e, raw in zip(examples, raws, strict=True)]
        assert [score.id for score in read_scores(folder) or []] == [e.id for e in examples]


def _line(example: Example, raw: str, examples: list[Example]) -> str:
    golds = example.answers or ("",)
    [form] = forms([raw], [golds], [foils(examples)[example.id]])
    row = {
        "id": example.id,
        "context_id": example.context_id,
        **score_item(raw, golds, example.language)._asdict(),
        "metrics_version": METRICS_VERSION,
        "form": list(form),
    }
    return json.dumps(row, ensure_ascii=False) + "\n"

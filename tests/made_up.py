"""Belebele files in the shipped form, made up from the embedded corpus: nothing of the data set itself."""

from __future__ import annotations

import json
from pathlib import Path

from kit.catalog import Catalog
from kit.corpus import choices, load_templates

COUNT = 12


def belebele_lines(language: str, count: int = COUNT) -> str:
    """Lines with every key that the publishers' files have; languages that the corpus lacks are told in English."""
    spoken = language if language in load_templates().languages else "en"
    rows = []
    for item, texts, right in choices(spoken, "test")[:count]:
        rows.append(
            {
                "link": f"https://example.org/{item.context_id}",
                "question_number": int(item.id.rpartition("-")[2]) + 1,
                "flores_passage": item.context,
                "question": item.question,
                **{f"mc_answer{at}": text for at, text in enumerate(texts, start=1)},
                "correct_answer_num": str(right + 1),
                "dialect": language,
                "ds": "2023-05-03",
            }
        )
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def put_belebele(cache: Path, languages: tuple[str, ...] = ()) -> None:
    """Files where the kit looks for what it has fetched, so that recipes on Belebele can be planned."""
    entry = Catalog.load().dataset("belebele")
    for language in languages or entry.languages():
        place = entry.file(language, "test").mirror_path
        assert place
        path = cache / "data" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(belebele_lines(language), encoding="utf-8")

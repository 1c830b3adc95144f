"""`xlt-kit data audit` on the real training sets, and on damaged and absent ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.kit_command import Kit


def test_the_papers_sets_show_what_the_protocol_counts(kit: Kit, mirror: Path) -> None:
    sets = kit.json("data", "audit", "--mirror", mirror, "--offline")["sets"]
    found = {(s["dataset"], s["language"]): s["audit"] for s in sets if s["audit"]}
    human = [
        a["verbatim"] for (name, language), a in found.items() if name == "xquad-in" and language != "en"
    ]
    machine = [a["verbatim"] for (name, _), a in found.items() if name.startswith("xquad-mt-")]
    assert len(human) == 12 and min(human) > 0.59 and max(human) < 0.91
    assert len(machine) == 23 and min(machine) > 0.09 and max(machine) < 0.58
    quality = {key: a["quality"] for key, a in found.items() if a["quality"]}
    translated = {language for name, language in quality if name == "xquad-mt-nllb"}
    assert translated == {"de", "et", "fi", "fr", "id", "sv", "xh"}
    assert all(q["contexts"] == 20 and 5 < q["bleu"] < 60 for q in quality.values())
    assert found["xquad-in", "hi"]["tokens"]["cut"] == 16
    absent = [s for s in sets if s["fault"]]
    assert [(s["language"], s["split"], s["fault"]["code"]) for s in absent] == [
        ("sv", "train-5000", "missing-input")
    ]


def test_a_damaged_file_does_not_hide_the_others(kit: Kit, mirror: Path, tmp_path: Path) -> None:
    part = Path("github/Sachi-27/Multilingual-NLP/73022a94dcd093935e093fe67e61ae18ab6679d7/datasets/xquad_in")
    for language in ("hi", "or"):
        (tmp_path / "mirror" / part / language).mkdir(parents=True)
        name = part / language / f"xquad_{language}_train.json"
        shutil.copy(mirror / name, tmp_path / "mirror" / name)
    damaged = tmp_path / "mirror" / part / "hi" / "xquad_hi_train.json"
    content = bytearray(damaged.read_bytes())
    content[1000] ^= 1
    damaged.write_bytes(content)
    words = ("data", "audit", "--dataset", "xquad-in", "--mirror", tmp_path / "mirror", "--offline")
    done = kit(*words, "--language", "hi", "--language", "or", code=6)
    assert "xquad-in/or" in done.stdout and "84%" in done.stdout
    assert str(damaged) in done.stderr


def test_the_sets_of_a_recipe(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text(
        json.dumps(
            {"id": "1", "context": "Анна живёт в Бонне.", "question": "Где?", "answers": ["Бонн", "Бонне"]}
        )
    )
    recipe = tmp_path / "own.yaml"
    recipe.write_text(
        "schema: 1\nname: own\nmodels: [tiny-bloom]\nsequence_limit: 8\n"
        "train:\n  - {file: own.jsonl, format: jsonl, language: de}\n"
    )
    done = kit("data", "audit", "--recipe", recipe)
    assert "contexts mostly in another script than the language's: 1" in done.stdout
    assert "of 1 texts 1 are cut" in done.stdout and "100%" in done.stdout
    assert "no training set has these names" in kit("data", "audit", "--language", "ja", code=2).stderr

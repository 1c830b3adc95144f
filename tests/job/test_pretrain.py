"""Pre-training at the smallest size: it learns, repeats itself bit by bit, and what it writes loads again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from kit.corpus import CorpusSettings, write_pretraining_text  # noqa: E402
from kit.job.pretrain import EOS, PretrainSettings, encode, pretrain, train_tokenizer  # noqa: E402

MICRO = PretrainSettings(
    steps=30, vocab_size=500, layers=1, hidden=32, heads=4, batch=8, window=4, warmup_steps=5, report_every=10
)
WEIGHTS = (
    "model.safetensors",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
INDIC = "सानि नोगि में रहता है। ସାନି ନୋଗି ସହରରେ ରହେ। সানি"


class Events:
    """Keeps what a pre-training tells."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, object]]] = []

    def __call__(self, name: str, /, **fields: object) -> None:
        self.told.append((name, fields))

    def of(self, name: str) -> list[dict[str, object]]:
        return [fields for told, fields in self.told if told == name]


@pytest.fixture(scope="module", autouse=True)
def _torch_left_as_found() -> Iterator[None]:
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.jsonl"
    write_pretraining_text(path, CorpusSettings(documents=MICRO.steps * MICRO.batch))
    return path


@pytest.fixture(scope="module")
def trained(text: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Events]:
    out, events = tmp_path_factory.mktemp("model"), Events()
    pretrain(MICRO, text, out, events)
    return out, events


def test_loss_falls_and_progress_is_told(trained: tuple[Path, Events]) -> None:
    _, events = trained
    steps = events.of("step")
    assert [step["step"] for step in steps] == [10, 20, 30]
    losses = [float(str(step["loss"])) for step in steps]
    assert losses[0] > losses[1] > losses[2]
    assert events.of("tokenizer") == [{"vocabulary": 500, "documents": 240}]
    assert len(events.of("pretrained")) == 1


def test_two_runs_are_equal_bit_by_bit(trained: tuple[Path, Events], text: Path, tmp_path: Path) -> None:
    pretrain(MICRO, text, tmp_path / "again", Events())
    for name in WEIGHTS:
        assert (tmp_path / "again" / name).read_bytes() == (trained[0] / name).read_bytes(), name


def test_another_seed_is_another_model(trained: tuple[Path, Events], text: Path, tmp_path: Path) -> None:
    pretrain(PretrainSettings(**{**asdict(MICRO), "seed": 1}), text, tmp_path / "other", Events())
    name = "model.safetensors"
    assert (tmp_path / "other" / name).read_bytes() != (trained[0] / name).read_bytes()


def test_what_is_written_is_what_was_trained(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []
    original = transformers.BloomForCausalLM.save_pretrained

    def keep(model: object, *arguments: object, **options: object) -> object:
        kept.append(model)
        return original(model, *arguments, **options)

    monkeypatch.setattr(transformers.BloomForCausalLM, "save_pretrained", keep)
    pretrain(MICRO, text, tmp_path / "model", Events())
    loaded = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "model").eval()
    ids = torch.tensor([[1, 17, 300, 42, EOS]])
    with torch.inference_mode():
        assert torch.equal(loaded(ids).logits, kept[0](ids).logits)
    assert loaded.dtype == torch.float32


def test_the_tokenizer_loads_again_and_has_bloom_s_ways(trained: tuple[Path, Events]) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(trained[0])
    specials = [tokenizer.unk_token, tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token]
    assert specials == ["<unk>", "<s>", "</s>", "<pad>"]
    assert tokenizer.convert_tokens_to_ids(specials) == [0, 1, 2, 3]
    assert tokenizer.padding_side == "left"
    assert tokenizer.decode(tokenizer(INDIC).input_ids) == INDIC
    assert tokenizer("<s>Bani</s>").input_ids[0] == 1
    assert tokenizer("<s>Bani</s>").input_ids[-1] == EOS
    assert 1 not in tokenizer("Bani").input_ids


def test_words_keep_their_vowel_signs() -> None:
    tokenizer = train_tokenizer([INDIC], 300)
    pieces = tokenizer.pre_tokenizer.pre_tokenize_str("सानि नोगि।")
    assert [span for _, span in pieces] == [(0, 4), (4, 9), (9, 10)]


def test_answers_and_what_ends_them_weigh_one_in_the_loss() -> None:
    texts = ["Bani lives in Dupe.\n\nQ: Where?\nA: Dupe\n\nQ: Who?\nA: Bani"]
    tokenizer = train_tokenizer(texts * 20, 400)
    (document,) = encode(tokenizer, texts, MICRO)
    weighty = [i for i, weight in zip(document.ids, document.weights, strict=True) if weight == 1.0]
    assert tokenizer.decode(weighty, skip_special_tokens=False) == " Dupe\n\n Bani</s>"
    assert set(document.weights) == {1.0, MICRO.background_weight}


def test_long_documents_are_cut_and_still_end() -> None:
    tokenizer = train_tokenizer([INDIC], 300)
    (document,) = encode(tokenizer, [INDIC * 10], PretrainSettings(steps=1, max_tokens=16))
    assert len(document.ids) == len(document.weights) == 16
    assert document.ids[-1] == EOS


def test_settings_survive_json_and_refuse_what_they_do_not_know() -> None:
    assert PretrainSettings.from_dict(json.loads(json.dumps(asdict(MICRO)))) == MICRO
    for raw, word in [({"steps": 1, "layer": 3}, "layer"), ({}, "steps"), ({"steps": "9"}, "steps")]:
        with pytest.raises(ValueError, match=word):
            PretrainSettings.from_dict(raw)


@pytest.mark.parametrize("content", ["", '{"language": "en"}\n', '{"text": ""}\n', "[]\n", "no json\n"])
def test_a_text_file_without_text_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError):
        pretrain(MICRO, path, tmp_path / "out", Events())
    assert not (tmp_path / "out").exists()


def test_going_on_from_a_base_keeps_its_tokenizer_and_begins_with_its_weights(
    trained: tuple[Path, Events], text: Path, tmp_path: Path
) -> None:
    base, events = trained
    barely = replace(MICRO, steps=1, learning_rate=1e-12, layers=3)
    told = Events()
    pretrain(barely, text, tmp_path / "fork", told, base)
    before = transformers.AutoModelForCausalLM.from_pretrained(base).state_dict()
    after = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "fork").state_dict()
    assert set(before) == set(after), "its shape counts, not that of the settings"
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in before)
    vocabularies = [
        json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]
        for folder in (base, tmp_path / "fork")
    ]
    assert vocabularies[0] == vocabularies[1]
    pretrain(replace(MICRO, steps=20), text, tmp_path / "longer", told, base)
    assert told.of("step")[-1]["loss"] < events.of("step")[0]["loss"]  # type: ignore[operator]

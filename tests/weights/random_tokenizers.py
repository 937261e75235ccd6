"""Random folders with a tokenizer: families, models, pipelines, flags, names of special tokens, added tokens."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

LETTERS = "abcdefgh"
SIGNS = "[]<>.,/!1"
FAMILIES = {"bert": "BertTokenizer", "roberta": "RobertaTokenizer", "albert": "AlbertTokenizer"}
NAMES = (
    {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"},
    {"pad": "<pad>", "unk": "<unk>", "cls": "<s>", "sep": "</s>", "mask": "<mask>"},
    {"pad": "<pad>", "unk": "<unk>", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"},
    {"pad": "<nil>", "unk": "<what>", "cls": "<begin>", "sep": "<end>", "mask": "<gap>"},
)
OWN = ("[E1]", "[/E1]", "<ent>", "covid", "ab", "New York", "Éa")
CLASSES = {
    "WordPiece": ("BertTokenizer", "DistilBertTokenizer", "BertTokenizerFast", "ElectraTokenizer"),
    "BPE": ("RobertaTokenizer", "RobertaTokenizerFast"),
    "Unigram": ("AlbertTokenizer", "XLMRobertaTokenizer", "DebertaV2Tokenizer", "CamembertTokenizer"),
    "WordLevel": (),
}
FAIRSEQ = ("XLM", "Camembert")
"""Classes whose vocabularies begin as those of fairseq."""

PIECES = {
    "AlbertTokenizer": "spiece.model",
    "DebertaV2Tokenizer": "spm.model",
    "XLMRobertaTokenizer": "sentencepiece.bpe.model",
    "CamembertTokenizer": "sentencepiece.bpe.model",
}
AS_IT_IS = ("PreTrainedTokenizerFast", "TokenizersBackend", "NoSuchTokenizer")


def make_folder(folder: Path, seed: int) -> str:
    """Write a random folder, without weights; what kind it is."""
    rng = random.Random(seed)
    family = rng.choice(list(FAMILIES))
    kind = rng.choice(list(CLASSES))
    named = rng.choice((*CLASSES[kind] * 2, *AS_IT_IS))
    whole = named in AS_IT_IS or rng.random() < 0.5
    names = NAMES[1] if named.startswith(FAIRSEQ) else rng.choice(NAMES)
    vocabulary = _vocabulary(rng, kind, named, names)
    config: dict[str, Any] = {"tokenizer_class": named, **{f"{role}_token": name for role, name in names.items()}}
    if "cls_token" in config and kind in ("BPE", "Unigram"):
        config |= {"bos_token": names["cls"], "eos_token": names["sep"]}
    config |= _options(rng, named)
    own = [_own(rng, name) for name in rng.sample(OWN, rng.randrange(4))]
    (folder / "config.json").write_text(json.dumps({"model_type": family}), encoding="utf-8")
    if whole:
        document = _document(rng, kind, vocabulary, names, own)
        (folder / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
        if rng.random() < 0.3:
            _decoder(rng, config, document)
        elif rng.random() < 0.3:
            config["additional_special_tokens"] = [token["content"] for token in own if token["special"]]
    else:
        _add(rng, folder, config, own, _write_slow(folder, kind, vocabulary, named))
    if rng.random() < 0.2:
        (folder / "special_tokens_map.json").write_text(json.dumps(_map(rng, names)), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return f"{family} {named} {kind} {'tokenizer.json' if whole else 'files'}"


def make_texts(seed: int, names: list[str]) -> list[str]:
    """Texts of the letters that the vocabularies know, with names of tokens among them."""
    rng = random.Random(seed)
    words = [
        *LETTERS,
        "ab",
        "abc",
        "Éa",
        "ÀB",
        "中a",
        "covid",
        "New York",
        "New  York",
        "1",
        "12",
        ".",
        "!?",
        "ﬁ",
        "  ",
        "\t",
        "z",
    ]
    return ["", " "] + [
        "".join(rng.choice((*words, *names, *OWN)) + rng.choice(("", " ", "  ")) for _ in range(rng.randrange(1, 9)))
        for _ in range(12)
    ]


def _vocabulary(rng: random.Random, kind: str, named: str, names: dict[str, str]) -> list[str]:
    special = list(names.values())
    if kind == "Unigram":
        special = [names["pad"], names["unk"], names["cls"], names["sep"], names["mask"]]
        if named.startswith(FAIRSEQ):  # the reference knows its unknown token by its place alone
            special = [names["cls"], names["pad"], names["sep"], names["unk"], names["mask"]]
    words = {
        "WordPiece": [*LETTERS, *SIGNS, *("##" + c for c in LETTERS + SIGNS), "ab", "##bc", "co", "##vi", "New", "中"],
        "BPE": [*pre_tokenizers.ByteLevel.alphabet(), "ab", "abc", "Ġa", "Ġab"],
        "Unigram": ["▁", *LETTERS, *SIGNS, "▁a", "▁ab", "bc", "c."],
        "WordLevel": [*LETTERS, *SIGNS, "ab", "abc", "new", "12"],
    }[kind]
    rng.shuffle(words)
    return [*special, *dict.fromkeys(words)]


def _options(rng: random.Random, named: str) -> dict[str, Any]:
    by_class = {
        "Bert": ("do_lower_case", "strip_accents", "tokenize_chinese_chars"),
        "Roberta": ("add_prefix_space", "trim_offsets"),
        "Albert": ("do_lower_case", "keep_accents"),
        "Deberta": ("do_lower_case", "split_by_punct"),
    }
    keys = next((keys for start, keys in by_class.items() if named.startswith(start)), ())
    options: dict[str, Any] = {key: rng.random() < 0.5 for key in keys if rng.random() < 0.5}
    if rng.random() < 0.2:
        options["model_input_names"] = ["input_ids", "token_type_ids", "attention_mask"]
    return options


def _own(rng: random.Random, name: str) -> dict[str, Any]:
    flags = {flag: rng.random() < 0.3 for flag in ("lstrip", "rstrip", "single_word")}
    return {"content": name, **flags, "normalized": rng.random() < 0.5, "special": rng.random() < 0.5}


def _document(
    rng: random.Random, kind: str, vocabulary: list[str], names: dict[str, str], own: list[dict[str, Any]]
) -> dict[str, Any]:
    ids = {piece: index for index, piece in enumerate(vocabulary)}
    model: Any = {
        "WordPiece": lambda: models.WordPiece(ids, unk_token=names["unk"]),
        "BPE": lambda: models.BPE(ids, [("a", "b"), ("ab", "c"), ("Ġ", "a"), ("Ġa", "b")], unk_token=names["unk"]),
        "Unigram": lambda: models.Unigram(
            [(piece, -float(index % 7)) for index, piece in enumerate(vocabulary)], unk_id=ids[names["unk"]]
        ),
        "WordLevel": lambda: models.WordLevel(ids, unk_token=names["unk"]),
    }[kind]()
    rust = Tokenizer(model)
    steps = [normalizers.NFC(), normalizers.NFKD(), normalizers.Lowercase(), normalizers.StripAccents()]
    chosen = rng.sample(steps, rng.randrange(3))
    if chosen:
        rust.normalizer = normalizers.Sequence(chosen)
    splits: list[Any] = {
        "WordPiece": [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Whitespace()],
        "BPE": [pre_tokenizers.ByteLevel(add_prefix_space=rng.random() < 0.5)],
        "Unigram": [pre_tokenizers.Metaspace(prepend_scheme=rng.choice(("always", "first", "never")))],
        "WordLevel": [pre_tokenizers.Whitespace(), pre_tokenizers.WhitespaceSplit()],
    }[kind]
    split = rng.choice(splits)
    digits = pre_tokenizers.Digits(individual_digits=rng.random() < 0.5)
    rust.pre_tokenizer = pre_tokenizers.Sequence([digits, split]) if rng.random() < 0.4 else split
    decoder = {"WordPiece": decoders.WordPiece, "BPE": decoders.ByteLevel, "Unigram": decoders.Metaspace}.get(kind)
    if decoder:
        rust.decoder = decoder()
    cls, sep = ((names[role], ids[names[role]]) for role in ("cls", "sep"))
    rust.post_processor = rng.choice(
        (
            processors.BertProcessing(sep, cls),
            processors.RobertaProcessing(sep, cls),
            processors.TemplateProcessing(
                single=f"{cls[0]} $A {sep[0]}",
                pair=f"{cls[0]} $A {sep[0]} $B:1 {sep[0]}:1",
                special_tokens=[cls, sep],
            ),
            processors.TemplateProcessing(
                single=f"{cls[0]} $A", pair=f"{cls[0]} $A {sep[0]} $B:1", special_tokens=[cls, sep]
            ),
        )
    )
    document: dict[str, Any] = json.loads(rust.to_str())
    special = [
        {"content": name, "lstrip": rng.random() < 0.2, "rstrip": False, "single_word": False, "normalized": False}
        for name in names.values()
    ]
    document["added_tokens"] = [{**token, "id": ids[token["content"]], "special": True} for token in special]
    place = len(vocabulary)
    for token in own:
        index = ids.get(token["content"], place)
        place += index == place
        document["added_tokens"].append({"id": index, **token})
    return document


def _decoder(rng: random.Random, config: dict[str, Any], document: dict[str, Any]) -> None:
    config["added_tokens_decoder"] = {
        str(entry["id"]): {key: value for key, value in entry.items() if key != "id"} | {"rstrip": rng.random() < 0.3}
        for entry in document["added_tokens"]
    }


def _write_slow(folder: Path, kind: str, vocabulary: list[str], named: str) -> int:
    """The vocabulary as other files than tokenizer.json; how many ids it makes."""
    if kind == "WordPiece":
        (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    elif kind == "BPE":
        ids = {piece: index for index, piece in enumerate(vocabulary)}
        (folder / "vocab.json").write_text(json.dumps(ids), encoding="utf-8")
        (folder / "merges.txt").write_text("#version: 0.2\na b\nab c\nĠ a\nĠa b\n", encoding="utf-8")
    else:
        from sentencepiece import sentencepiece_model_pb2 as proto

        model = proto.ModelProto()
        special, unknown = vocabulary[:5], vocabulary[1]
        if named.startswith(FAIRSEQ):  # what the library puts before them is left out
            special, unknown = ["<unk>", "<s>", "</s>"], "<unk>"
        for index, piece in enumerate([*special, *vocabulary[5:]]):
            kind_of_piece = 2 if piece == unknown else 3 if index < len(special) else 1
            model.pieces.add(piece=piece, score=-float(index % 7), type=kind_of_piece)
        model.trainer_spec.unk_id = special.index(unknown)
        (folder / PIECES[named]).write_bytes(model.SerializeToString())
    return len(vocabulary) + (3 if named.startswith("Camembert") else 0)


def _add(rng: random.Random, folder: Path, config: dict[str, Any], own: list[dict[str, Any]], n_pieces: int) -> None:
    """Say of added tokens in one of the ways in which files do."""
    way = rng.randrange(3)
    own = [token for token in own if token["content"] != "ab"]  # a piece already
    ids = {token["content"]: n_pieces + place for place, token in enumerate(own)}
    if way == 0 and own:
        (folder / "added_tokens.json").write_text(json.dumps(ids), encoding="utf-8")
    elif way == 1 and own:
        config["added_tokens_decoder"] = {str(ids[token["content"]]): token for token in own}
    elif own:
        config[rng.choice(("additional_special_tokens", "extra_special_tokens"))] = [token["content"] for token in own]


def _map(rng: random.Random, names: dict[str, str]) -> dict[str, Any]:
    flags = {"rstrip": False, "single_word": False, "normalized": False}
    return {f"{role}_token": {"content": name, "lstrip": rng.random() < 0.5, **flags} for role, name in names.items()}

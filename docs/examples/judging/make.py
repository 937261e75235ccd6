"""Makes the predictions of this folder with other tools: python docs/examples/judging/make.py.

A tiny BERT and a tiny ALBERT of the transformers library, from scratch, and a bag of words of scikit-learn learn to
tell the microworld's sentences from broken ones. Predictions are written as the library's run_glue script writes them:
predict_results_TASK.txt, with index and prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from transformers import AlbertConfig, AlbertForSequenceClassification, BertConfig, BertForSequenceClassification

from zoo import Catalog

HERE = Path(__file__).parent
TASK = "micro-acceptability"
N_ITEMS, STEPS, BATCH, RATE = 500, 800, 32, 1e-3
MODELS: dict[str, tuple[Any, Any]] = {
    "bert": (BertConfig, BertForSequenceClassification),
    "albert": (AlbertConfig, AlbertForSequenceClassification),
}
SIZES = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 128,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}


def written(path: Path, column: str, labels: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in (f"index\t{column}", *(f"{n}\t{v}" for n, v in enumerate(labels)))))


def main() -> None:
    torch.set_num_threads(1)
    task = Catalog.installed().task(TASK)
    splits = task.load(None).splits
    train, dev = splits["train"], splits["dev"][:N_ITEMS]
    written(HERE / "micro-acceptability.tsv", "label", [task.labels[item.label] for item in dev])
    vocabulary = {word: n for n, word in enumerate(dict.fromkeys(w for item in train for w in item.first.split()), 2)}

    def batch(items: Sequence[Any]) -> dict[str, torch.Tensor]:
        ids = [torch.tensor([vocabulary.get(word, 1) for word in item.first.split()]) for item in items]
        padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
        return {"input_ids": padded, "attention_mask": (padded > 0).long()}

    for name, (config, make) in MODELS.items():
        for seed in range(3):
            torch.manual_seed(seed)
            model = make(config(**SIZES, vocab_size=len(vocabulary) + 2, num_labels=2))
            optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
            for _ in range(STEPS):
                items = [train[index] for index in torch.randint(len(train), (BATCH,)).tolist()]
                loss = model(**batch(items), labels=torch.tensor([item.label for item in items])).loss
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            with torch.no_grad():
                made = model.eval()(**batch(dev)).logits.argmax(1).tolist()
            written(
                HERE / f"{name}-seed{seed}/predict_results_{TASK}.txt", "prediction", [task.labels[v] for v in made]
            )
    counter = CountVectorizer(token_pattern=r"\S+")
    bag = LogisticRegression(max_iter=1000).fit(
        counter.fit_transform([item.first for item in train]), [item.label for item in train]
    )
    words = [task.labels[value] for value in bag.predict(counter.transform([item.first for item in dev]))]
    written(HERE / f"bag/predict_results_{TASK}.txt", "prediction", words)


if __name__ == "__main__":
    main()

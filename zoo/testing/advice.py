"""What usually mends a check that fails, by what is checked."""

from __future__ import annotations

ADVICE = {
    "tokenizer": "n_special, special_ids and join have to agree, and load has to read what save writes; "
    "zoo.text.rust_tokenizer.RustTokenizer does both for any tokenizer of the tokenizers library",
    "packing": "draw from the given rng alone, and give every passage a second part if `pairs` is true",
    "masking": "return what the model sees and IGNORE where nothing is predicted, leave special tokens alone, "
    "and draw from the given rng; zoo.text.word_masking has the usual shares",
    "embedding": "return [T, H] for packed ids, read positions from batch.layout.positions, keep the table [V, E] "
    "in `tokens`, and ask dims.required for sizes that a variant may leave out",
    "encoder": "keep the shape [T, H], use every parameter, and ask the layout where sequences end, as "
    "zoo.blocks.attend, layout.rectangles and layout.pad do; ask dims.required for sizes that a variant may leave out",
    "objective": "the loss is the mean over n_targets predictions; random numbers come from Batch.uniform, "
    "those of `prepare` from its rng",
    "formula": "write one Component per group of parameters, biases and norms included; `zoo audit VARIANT --module` "
    "shows the module's own count",
    "variant": "`zoo show VARIANT` prints the record, the line above names the field; large outputs at the start come "
    "from `init` or from a part with keeps_own_init",
    "task_kind": "one file says everything about a kind; zoo/tasks/kinds/regression.py is a short one",
    "metric": "`value` takes gold labels and predictions as TaskKind.side gives them, and is best when both are equal",
    "task": "`zoo task check TASK` shows what is read; labels and metrics have to fit the kind",
    "average": "its terms name tasks; `zoo list tasks` lists them",
    "checkpoint_format": "each weight needs one row in the tables, and each setting a key that reads back; "
    "`base` has to be expressible in its own format",
    "published_count": "it names a variant or an expression; `zoo show NAME` has to work",
    "paper_table": "each row's expression has to be a variant; try `zoo show EXPRESSION`",
    "report_format": "it is a function from a zoo.document.Document to text",
    "executor": "it is a class with the methods of zoo.Executor",
    "loading": "what failed is left out, and the rest works; docs/writing-a-variant.md has the rules for names",
    "documentation": 'write a docstring of one sentence with the paper and its section, or "none" as a paper',
    "listing": 'name parts and tables of records in zoo_offers as "module:Name", so that they are imported when they '
    "are first needed",
}

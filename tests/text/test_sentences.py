from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from zoo.text.sentences import MAX_WORDS, split_sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["It rained.", "Was it cold?", "Yes!", "So they left."],
        ["Mr. So met Mrs. He at St. Paul's.", "They spoke."],
        ["Prof. J. R. Watson and Dr. A. Smith agree.", "Gen. Lee did not."],
        ["George W. Bush won.", "He lives."],
        ["The U.S. Army came at 5 p.m. sharp.", "It left the U.S.", "They were tired."],
        ["Some fruit, e.g. Apples, i.e. Pomes, is cheap.", "It keeps."],
        ["Smith Jr. works for Acme Inc. in Rome.", "He likes Acme Inc.", "It pays."],
        [
            "Pi is 3.14 or so.",
            "It costs $2.50 on Jan. 5.",
            "Read Fig. 3 and No. 7 on p. 12.",
            "He said no.",
            "We left.",
        ],
        ["Call me at example.org.", "The file a.txt is there."],
        ['He said "no."', 'She said "yes!"', "(It was so.)", "Then it ended.", "\u201cIt did.\u201d", "Good."],
        ['"Why?" he asked.', '"Go!" she said.', "They went."],
        ["Well... maybe not.", "He left...", "Then he came back\u2026", "Good."],
        ["Well. . . maybe.", "Fine."],
        ["1. First this.", "2. Then that.", "It was 1990.", "Then came 1991."],
        ["It was World War I.", "It was plan B.", "The end."],
        ["What?!", "No!!", "Yes."],
        ["$5 it cost.", "12 came.", "'Tis so.", "<unk> came."],
        ["\xbfQu\xe9 pasa?", "\xa1Nada!", "\xc9l dijo \xabs\xed\xbb.", "Otro d\xeda."],
        ["iPhone sales, etc. fell.", "The rest rose."],
    ],
)
def test_sentences_written_one_after_another_are_found_again(sentences: list[str]) -> None:
    assert split_sentences(" ".join(sentences)) == sentences


def test_an_ellipsis_before_a_capital_ends_a_sentence() -> None:
    assert split_sentences("Well... He left.") == ["Well...", "He left."]


def test_chinese_needs_no_spaces() -> None:
    stop, ask, open_, close = "\u3002", "\uff1f", "\u300c", "\u300d"
    text = f"他来了{stop}{open_}是吗{ask}{close}他说{stop}"
    assert split_sentences(text) == [f"他来了{stop}", f"{open_}是吗{ask}{close}", f"他说{stop}"]


def test_lower_case_text_is_split_too() -> None:
    assert split_sentences("it is good . it is bad . no .") == ["it is good .", "it is bad .", "no ."]


def test_a_stop_before_a_lower_case_word_ends_nothing_in_other_text() -> None:
    assert split_sentences("He met the approx. ten men of etc. fame.") == ["He met the approx. ten men of etc. fame."]


def test_wikitexts_lone_quotes_and_brackets_stay_with_their_sentence() -> None:
    text = 'He said : " It is so . It is . " The other left ( in 3 @.@ 5 hours . ) " Why ? " he asked . <unk> came .'
    assert split_sentences(text) == [
        'He said : " It is so .',
        'It is . "',
        "The other left ( in 3 @.@ 5 hours . )",
        '" Why ? " he asked .',
        "<unk> came .",
    ]


def test_text_without_stops_is_one_sentence() -> None:
    assert split_sentences("  no stop\n here\t") == ["no stop here"]


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_no_text_has_no_sentences(text: str) -> None:
    assert split_sentences(text) == []


def test_an_overlong_run_is_cut_into_even_parts() -> None:
    words = [f"w{i}" for i in range(2 * MAX_WORDS + 1)]
    parts = split_sentences(" ".join(words))
    assert [len(part.split()) for part in parts] == [133, 134, 134]
    assert " ".join(parts).split() == words


def test_a_sentence_at_the_limit_is_whole() -> None:
    assert len(split_sentences("w " * MAX_WORDS)) == 1


@pytest.mark.parametrize(
    "text", ["." * 50_000 + "a", "# . " * 20_000, '" . ' * 20_000, "A. " * 20_000, ".) " * 20_000, ". " + "- " * 50_000]
)
def test_time_grows_with_the_text_and_not_with_its_square(text: str) -> None:
    begin = time.process_time()
    split_sentences(text)
    assert time.process_time() - begin < 2  # a tenth of a second or so; minutes if it were quadratic


@pytest.mark.parametrize("name", ["us_speeches_pd", "wikitext2.valid"])
def test_nothing_of_a_real_corpus_is_lost_and_sentences_have_a_sensible_length(shared_data: Path, name: str) -> None:
    lines = (shared_data / "corpus" / f"{name}.txt").read_text(encoding="utf-8").split("\n")
    sentences = [split_sentences(line) for line in lines]
    assert [" ".join(parts) for parts in sentences] == [" ".join(line.split()) for line in lines]
    lengths = [len(sentence.split()) for parts in sentences for sentence in parts]
    assert 15 < sum(lengths) / len(lengths) < 30
    assert max(lengths) <= MAX_WORDS
    endings = [re.sub(r"\W+$", "", s).rsplit(" ", 1)[-1] for parts in sentences for s in parts[:-1]]
    assert not {"Mr", "Mrs", "Dr", "Gen", "e.g", "i.e", "vs"} & set(endings)

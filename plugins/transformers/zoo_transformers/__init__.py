"""Models of the transformers library: Wolf et al. 2020, arXiv:1910.03771."""

from __future__ import annotations

from zoo import Offers, hookimpl


@hookimpl
def zoo_offers() -> Offers:
    """Names only; what they refer to is imported when needed."""
    return Offers(
        api_version=1,
        tokenizers={"transformers.folder": "zoo_transformers.data:FolderTokenizer"},
        packings={"transformers.documents": "zoo_transformers.data:Documents"},
        maskings={"transformers.unmasked": "zoo.text.masking:Unmasked"},
        embeddings={"transformers.tokens": "zoo_transformers.parts:Tokens"},
        encoders={"transformers.model": "zoo_transformers.parts:LibraryEncoder"},
        objectives={
            "transformers.taken": "zoo_transformers.objectives:TakenOver",
            "transformers.mlm": "zoo_transformers.objectives:MaskedTokens",
            "transformers.ltr": "zoo_transformers.objectives:NextTokens",
        },
        format_makers={"transformers.auto": "zoo_transformers.format:make_format"},
    )

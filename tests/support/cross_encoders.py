"""A small real cross-encoder for tests: a BERT of one layer with random weights, made here, downloaded nowhere."""

from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing


def make_cross_encoder(
    folder: Path, *, seed: int = 0, labels: int = 1, cut: str = "right", spread: float = 1.0, hidden: int = 32
) -> Path:
    """A sentence-transformers cross-encoder folder."""
    import torch
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *map(chr, range(33, 127))]
    names += [f"##{name}" for name in names[4:]]
    tokenizer = Tokenizer(WordPiece({name: i for i, name in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    torch.manual_seed(seed)
    base = folder.with_name(f"{folder.name}-base")
    config = BertConfig(
        vocab_size=len(names),
        hidden_size=hidden,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=2 * hidden,
        max_position_embeddings=128,
        initializer_range=spread,
        num_labels=labels,
    )
    BertForSequenceClassification(config).save_pretrained(base)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, truncation_side=cut, model_input_names=inputs, **special
    ).save_pretrained(base)
    CrossEncoder(str(base), num_labels=labels, max_length=96, device="cpu").save(str(folder))
    return folder

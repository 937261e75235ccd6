"""One variant pre-trained on text files, followed live, stopped and gone on with: `zoo pretrain` and `zoo corpus`."""

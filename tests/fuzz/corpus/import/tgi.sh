docker run ghcr.io/huggingface/text-generation-inference:3.0 --model-id gpt2-124m --num-shard 1

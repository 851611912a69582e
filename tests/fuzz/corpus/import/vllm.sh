#!/bin/sh
export MODEL=gpt2-124m
vllm serve $MODEL \
  --tensor-parallel-size 2 --max-model-len=512 --no-enable-prefix-caching --port "$PORT"

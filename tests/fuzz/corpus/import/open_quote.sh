vllm serve 'never closed

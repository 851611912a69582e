trtllm-serve serve gpt2-124m --tp_size 2 --max_batch_size 8

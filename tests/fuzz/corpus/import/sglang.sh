ARGS=(--tp 2 --mem-fraction-static 0.8)
python -m sglang.launch_server --model-path gpt2-124m "${ARGS[@]}" > log 2>&1 &

cat <<EOF
vllm serve "x
EOF
vllm serve gpt2-124m <(a "b)") -tp

A=$(date); B=`date`
vllm serve $A ${B:-x} ${C%%y} $1

A=ab
A=$A$A
A=$A$A
vllm serve $A --[31m 2

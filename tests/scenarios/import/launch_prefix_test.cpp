// Which commands of a script start a server, and which only speak of one.
#include "scenarios/import/launch_prefix.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/import/launch.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

bool launches(const std::string& text) { return holds_launch(parse_shell(text + "\n", "serve.sh")); }

TEST(LaunchPrefix, ProgramsThatStartOthersMayStandBeforeTheServer) {
  const std::string serve = "vllm serve Qwen/Qwen3-32B";
  EXPECT_TRUE(launches(serve));
  EXPECT_TRUE(launches("/opt/venv/bin/" + serve));
  for (const char* before : {"nohup",
                             "exec",
                             "sudo -E",
                             "env CUDA_VISIBLE_DEVICES=0,1",
                             "CUDA_VISIBLE_DEVICES=0 NCCL_DEBUG=INFO",
                             "time",
                             "nice -n 5",
                             "timeout 3600",
                             "stdbuf -oL",
                             "taskset -c 0-15",
                             "numactl --cpunodebind=0 --membind=0",
                             "srun -N 2 --ntasks-per-node=1",
                             "mpirun -n 2",
                             "uv run",
                             "conda run -n serving",
                             "nsys profile -o trace",
                             "docker run --gpus all -v /models:/models vllm/vllm-rocm:latest",
                             "docker exec -it box",
                             "ssh gpu-3",
                             "setsid",
                             "singularity exec --nv vllm.sif",
                             "kubectl exec -it pod --",
                             "tini -g --",
                             "tmux new-session -d",
                             "./docker-entrypoint.sh",
                             "{",
                             "if true; then",
                             "$LAUNCHER"}) {
    EXPECT_TRUE(launches(std::string(before) + " " + serve)) << before;
  }
  const std::string module = "-m sglang.launch_server --model-path Qwen/Qwen3-32B";
  for (const char* before : {"python", "python3", "/usr/bin/python3.11 -u", "nohup python3", "$PYTHON",
                             "torchrun --nproc-per-node 8", "srun python3", "env X=1 python -u -O"}) {
    EXPECT_TRUE(launches(std::string(before) + " " + module)) << before;
  }
  EXPECT_TRUE(launches("docker run --gpus all vllm/vllm-openai:latest --model Qwen/Qwen3-32B"));
  EXPECT_TRUE(launches("trtllm-llmapi-launch trtllm-serve Qwen/Qwen3-32B --tp_size 8"));
}

TEST(LaunchPrefix, WhatOnlySpeaksOfAServerStartsNone) {
  for (const char* line : {"echo vllm serve Qwen/Qwen3-32B",
                           "echo \"run:\" vllm serve Qwen/Qwen3-32B",
                           "printf '%s' vllm serve x",
                           "grep vllm serve log.txt",
                           "pkill -f vllm serve",
                           "sudo pkill -f vllm serve",
                           "nohup echo vllm serve x",
                           "pip install vllm serve",
                           "cat vllm serve",
                           "which vllm serve",
                           "man vllm serve",
                           "echo python -m sglang.launch_server --model x",
                           "grep -r -m sglang.launch_server .",
                           "python bench.py -m vllm.entrypoints.openai.api_server",
                           "logger vllm serve x",
                           "echo docker run vllm/vllm-openai --model x",
                           "docker pull vllm/vllm-openai:latest",
                           "git commit -m vllm serve",
                           "my_wrapper vllm serve x",
                           "ls text-generation-launcher",
                           "# vllm serve Qwen/Qwen3-32B",
                           "docker run alpine echo vllm serve x"}) {
    EXPECT_FALSE(launches(line)) << line;
  }
}

class LaunchPrefixFile : public FolderTest {};

TEST_F(LaunchPrefixFile, TheFirstRealLaunchIsRead) {
  const Outcome outcome = orrery({"import", write("serve.sh",
                                                  "echo vllm serve Qwen/Qwen3-32B -tp 4\n"
                                                  "nohup vllm serve meta-llama/Llama-3.1-8B -tp 2 > log 2>&1 &\n")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("model: llama-3.1-8b"), HasSubstr("tensor_parallel: 2"),
                                 HasSubstr("serve.sh:2:1"), Not(HasSubstr("one launch is read"))));
  const Outcome none = orrery({"import", write("say.sh", "#!/bin/sh\necho vllm serve Qwen/Qwen3-32B\n")});
  EXPECT_EQ(none.code, kExitInput);
  EXPECT_THAT(none.err, HasSubstr("a script without a launch line that is known here"));
}

TEST_F(LaunchPrefixFile, WhatAContainerIsStartedWithIsSaidNotToBeTaken) {
  const Outcome outcome =
      orrery({"import",
              write("run.sh",
                    "docker run --gpus all -e VLLM_ATTENTION_BACKEND=FLASHINFER --env=NCCL_DEBUG=INFO -e HOME=/x \\\n"
                    "  vllm/vllm-openai:latest --model Qwen/Qwen3-32B\n")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("run.sh:1:12 --gpus: the GPUs follow from the parallel sizes"),
                                 HasSubstr("run.sh:1:26 VLLM_ATTENTION_BACKEND: the environment is not looked at"),
                                 HasSubstr("NCCL_DEBUG: the environment"), Not(HasSubstr("HOME"))));
}

// SGLang's data parallel attention.

TEST_F(LaunchPrefixFile, DataParallelAttentionIsOneEngineOfTpGpus) {
  for (const char* flags : {"--tp 8 --dp 8 --enable-dp-attention", "--enable-dp-attention --dp-size 8 --tp-size 8",
                            "--tp 8 --data-parallel-size=4 --enable_dp_attention true"}) {
    const Outcome outcome =
        orrery({"import", write("sg.sh", "python3 -m sglang.launch_server --model-path deepseek-ai/DeepSeek-V3 " +
                                             std::string(flags) + "\n")});
    EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
    EXPECT_THAT(outcome.out,
                AllOf(HasSubstr("tensor_parallel: 8"), Not(HasSubstr("replicas")), Not(HasSubstr("nodes:"))))
        << flags;
    EXPECT_THAT(outcome.err,
                AllOf(HasSubstr("--enable-dp-attention: attention in "),
                      HasSubstr("data parallel groups inside one engine of 8 GPUs"), HasSubstr("is not modelled")));
  }
  const auto import = [&](const std::string& flags) {
    return orrery({"import", write("sg.sh", "sglang serve --model-path Qwen/Qwen3-32B " + flags + "\n")});
  };
  EXPECT_THAT(import("--tp 2 --dp 2").out, HasSubstr("replicas: 2")) << "engines side by side";
  EXPECT_THAT(import("--tp 2 --dp 2 --enable-dp-attention false").out, HasSubstr("replicas: 2"));
  const Outcome odd = import("--tp 8 --dp 3 --enable-dp-attention");
  EXPECT_EQ(odd.code, kExitInput);
  EXPECT_THAT(odd.err, AllOf(HasSubstr("sg.sh:1:56"), HasSubstr("--dp 3 doesn't divide --tp 8")));
}

}  // namespace
}  // namespace orrery::scenarios::testing

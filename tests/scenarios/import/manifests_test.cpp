// Launch lines that stand in Kubernetes manifests and Compose files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/scenario.hpp"
#include "scenarios/serving/job.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Manifests : public FolderTest {
 protected:
  [[nodiscard]] models::ServingJob job_of(const std::string& name, const std::string& text) const {
    const Outcome outcome = orrery({"import", write(name, text), "-q"});
    EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
    if (outcome.code != kExitWell) return {};
    return serving_job(parse_scenario(outcome.out, path("mine.yaml")));
  }
  [[nodiscard]] std::string error_of(const std::string& name, const std::string& text) const {
    const Outcome outcome = orrery({"import", write(name, text)});
    EXPECT_EQ(outcome.code, kExitInput);
    return outcome.err;
  }
};

std::string deployment(const std::string& container) {
  return "# how we serve\n---\napiVersion: v1\nkind: Service\nmetadata: {name: vllm}\n---\napiVersion: apps/v1\n"
         "kind: Deployment\nspec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n      - name: vllm\n" +
         container;
}

TEST_F(Manifests, ReadsCommandAndArgsOfADeployment) {
  const models::ServingJob job =
      job_of("pod.yaml", deployment("        image: vllm/vllm-openai:v0.19.0\n"
                                    "        command: [\"vllm\", \"serve\"]\n"
                                    "        args: [\"$(MODEL)\", \"--tensor-parallel-size\", \"2\", "
                                    "\"--max-model-len=16K\"]\n"
                                    "        env: [{name: MODEL, value: meta-llama/Llama-3.1-8B-Instruct}]\n"));
  EXPECT_EQ(job.llm.name, "llama-3.1-8b");
  EXPECT_EQ(job.config.tensor_parallel, 2);
  EXPECT_EQ(job.config.max_model_len, 16'384);
  EXPECT_EQ(job.config.replicas, 3);
}

TEST_F(Manifests, TheImageStartsTheServerWhereNoCommandDoes) {
  const models::ServingJob job = job_of("pod.yaml", deployment("        image: vllm/vllm-openai:latest\n"
                                                               "        args:\n"
                                                               "        - --model\n"
                                                               "        - Qwen/Qwen3-32B\n"
                                                               "        - --quantization=fp8\n"));
  EXPECT_EQ(job.llm.name, "qwen3-32b");
  EXPECT_EQ(job.config.weight_dtype, Dtype::fp8);
}

TEST_F(Manifests, ReadsWhatAShellIsTold) {
  const models::ServingJob job = job_of(
      "pod.yaml", deployment("        image: x\n        command: [\"/bin/sh\", \"-c\"]\n"
                             "        args:\n        - |\n          sleep 1\n          vllm serve Qwen/Qwen3-32B \\\n"
                             "            --max-num-seqs 64\n"));
  EXPECT_EQ(job.config.max_num_seqs, 64);
}

TEST_F(Manifests, ReadsAServiceOfCompose) {
  const models::ServingJob job = job_of("compose.yaml",
                                        "services:\n  web:\n    image: nginx\n  vllm:\n"
                                        "    image: vllm/vllm-openai:latest\n"
                                        "    environment: [MODEL=Qwen/Qwen3-32B]\n"
                                        "    command: --model ${MODEL} --tensor-parallel-size ${TP:-4}\n"
                                        "    ports: [\"8000:8000\"]\n");
  EXPECT_EQ(job.llm.name, "qwen3-32b");
  EXPECT_EQ(job.config.tensor_parallel, 4);
}

TEST_F(Manifests, ServicesOfComposeMayRunSeveralTimes) {
  const auto with = [](const std::string& more) {
    return "services:\n  vllm:\n    command: vllm serve Qwen/Qwen3-32B -tp 2 -dp 2\n" + more;
  };
  EXPECT_EQ(job_of("compose.yaml", with("")).config.replicas, 2);
  EXPECT_EQ(job_of("compose.yaml", with("    deploy: {replicas: 3}\n")).config.replicas, 6);
  EXPECT_EQ(job_of("compose.yaml", with("    scale: 4\n")).config.replicas, 8);
  EXPECT_EQ(job_of("compose.yaml", with("    deploy: {replicas: \"${N}\"}\n")).config.replicas, 2) << "not a number";
}

TEST_F(Manifests, SaysWhereSomethingIsWrong) {
  EXPECT_THAT(error_of("compose.yaml", "services:\n  a:\n    command: [vllm, serve, \"${MODEL}\"]\n"),
              AllOf(HasSubstr("compose.yaml:3:"), HasSubstr("a variable that the container's env does not set")));
  EXPECT_THAT(error_of("compose.yaml", "services:\n  a:\n    command: vllm serve 'open\n"),
              HasSubstr("compose.yaml:3:"));
  EXPECT_THAT(error_of("compose.yaml", "services: {a: {image: nginx}}\n"),
              HasSubstr("is a Docker Compose file none of whose containers starts"));
  EXPECT_THAT(error_of("pod.yaml", "apiVersion: v1\nkind: [\n"), HasSubstr("pod.yaml:"));
  // Nothing of it is run.
  EXPECT_THAT(
      error_of("pod.yaml", deployment("        command: [sh, -c, \"vllm serve $(touch " + path("ran") + ")\"]\n")),
      HasSubstr("pod.yaml:15:"));
  EXPECT_FALSE(std::filesystem::exists(path("ran")));
}

}  // namespace
}  // namespace orrery::scenarios::testing

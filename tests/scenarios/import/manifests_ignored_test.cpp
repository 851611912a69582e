// What manifests say beside their launch: each thing that is not taken is said, and a count that can't be is an error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ManifestsIgnored : public FolderTest {
 protected:
  [[nodiscard]] Outcome import(const std::string& name, const std::string& text) const {
    return orrery({"import", write(name, text)});
  }
};

std::string deployment(const std::string& replicas) {
  return "apiVersion: apps/v1\n"
         "kind: Deployment\n"
         "spec:\n" +
         (replicas.empty() ? "" : "  replicas: " + replicas + "\n") +
         "  template:\n"
         "    spec:\n"
         "      nodeSelector: {nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3}\n"
         "      tolerations: [{key: gpu}]\n"
         "      containers:\n"
         "      - name: proxy\n"
         "        image: nginx\n"
         "      - name: vllm\n"
         "        image: vllm/vllm-openai:latest\n"
         "        args: [--model, meta-llama/Llama-3.1-8B, -tp, \"2\"]\n"
         "        ports: [{containerPort: 8000}]\n"
         "        env:\n"
         "        - {name: VLLM_ATTENTION_BACKEND, value: FLASHINFER}\n"
         "        - {name: GREETING, value: hello}\n"
         "        resources: {limits: {nvidia.com/gpu: 4}}\n"
         "      - name: other\n"
         "        command: [vllm, serve, Qwen/Qwen3-32B]\n"
         "---\n"
         "apiVersion: v1\n"
         "kind: Service\n";
}

TEST_F(ManifestsIgnored, OfKubernetesSaysWhatIsNotTakenAndWhy) {
  const Outcome outcome = import("pod.yaml", deployment("2"));
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("replicas: 2"), HasSubstr("# Not taken:")));
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("pod.yaml:17:11 VLLM_ATTENTION_BACKEND: the environment is not looked at"),
                    HasSubstr("nodeSelector: where it is placed: --gpu or --node of import names the hardware"),
                    HasSubstr("resources: the GPUs follow from the parallel sizes of the launch"),
                    HasSubstr("ports, tolerations: how the container is kept"),
                    HasSubstr("container proxy: it starts no server"),
                    HasSubstr("container other: another server; one launch is read, the first"),
                    HasSubstr("pod.yaml:24:7 Service: it holds no container"), Not(HasSubstr("GREETING"))));
}

TEST_F(ManifestsIgnored, CountsThatNoServerHasAreErrorsAtTheirPlace) {
  for (const char* count : {"0", "-1", "two", "1.5", "100001"}) {
    const Outcome outcome = import("pod.yaml", deployment(count));
    EXPECT_EQ(outcome.code, kExitInput) << count;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("pod.yaml:4:13: replicas: expected a whole number from 1 to 100000"),
                                   HasSubstr(std::string("found \"") + count)));
  }
  EXPECT_EQ(import("pod.yaml", deployment("")).code, kExitWell) << "one where nothing is said";
  for (const char* more : {"    scale: 0\n", "    deploy: {replicas: -2}\n"}) {
    const Outcome outcome =
        import("compose.yaml", "services:\n  vllm:\n    command: vllm serve Qwen/Qwen3-32B\n" + std::string(more));
    EXPECT_EQ(outcome.code, kExitInput) << more;
    EXPECT_THAT(outcome.err, HasSubstr("compose.yaml:4:"));
  }
  // Of what is not read nothing is asked.
  EXPECT_EQ(
      import("compose.yaml",
             "services:\n  web:\n    image: nginx\n    scale: 0\n  vllm:\n    command: vllm serve Qwen/Qwen3-32B\n")
          .code,
      kExitWell);
}

TEST_F(ManifestsIgnored, OfComposeSaysTheServicesThatAreNotTaken) {
  const Outcome outcome = import("compose.yaml",
                                 "services:\n"
                                 "  web:\n"
                                 "    image: nginx\n"
                                 "  small:\n"
                                 "    image: vllm/vllm-openai:latest\n"
                                 "    command: --model meta-llama/Llama-3.1-8B -tp 2\n"
                                 "    environment: {VLLM_ATTENTION_BACKEND: FLASHINFER}\n"
                                 "    deploy: {resources: {reservations: {devices: []}}}\n"
                                 "    volumes: [\"/models:/models\"]\n"
                                 "    env_file: .env\n"
                                 "  large:\n"
                                 "    image: vllm/vllm-openai:latest\n"
                                 "    command: --model meta-llama/Llama-3.1-70B -tp 8\n");
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("model: llama-3.1-8b"));
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("service web: it starts no server"),
                    HasSubstr("service large: another server; one launch is read, the first"),
                    HasSubstr("compose.yaml:7:43 VLLM_ATTENTION_BACKEND: the environment is not looked at"),
                    HasSubstr("resources: the GPUs follow"), HasSubstr("volumes: how the container is kept"),
                    HasSubstr("env_file: variables of other files are not known")));
}

TEST_F(ManifestsIgnored, CountsThatNobodyKnowsAreOneAndSaidToBe) {
  const Outcome outcome = import(
      "compose.yaml", "services:\n  vllm:\n    command: vllm serve Qwen/Qwen3-32B\n    deploy: {replicas: \"${N}\"}\n");
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("replicas: a variable that the container's env does not set; taken as 1"));
  const Outcome known = import("compose.yaml",
                               "services:\n  vllm:\n    command: vllm serve Qwen/Qwen3-32B\n    environment: {N: 3}\n"
                               "    deploy: {replicas: \"${N}\"}\n");
  EXPECT_THAT(known.out, HasSubstr("replicas: 3"));
}

}  // namespace
}  // namespace orrery::scenarios::testing

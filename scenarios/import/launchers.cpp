// The table of launchers: which words start which server.
#include <algorithm>
#include <iterator>
#include <string>

#include "scenarios/import/launch.hpp"
#include "scenarios/import/launch_prefix.hpp"

namespace orrery::scenarios {

namespace {

using Words = std::vector<ShellWord>;

bool is_word(const Words& words, std::size_t at, std::string_view text) {
  return at < words.size() && words[at].is_known() && words[at].text == text;
}

/// What is done to an image that starts nothing.
constexpr std::string_view kStartsNothing[] = {"pull", "push",    "build", "tag",  "rmi",
                                               "save", "inspect", "load",  "scan", "images"};

/// A container's image, "vllm/vllm-openai:latest", in any registry, in a command that starts it.
bool is_image(const Words& words, std::size_t at, std::string_view name) {
  if (at == 0 || at >= words.size() || !words[at].is_known()) return false;
  if (words[at].text.find(name) == std::string::npos || words[at].text.front() == '-') return false;
  const auto starts_nothing = [](const ShellWord& word) {
    return std::find(std::begin(kStartsNothing), std::end(kStartsNothing), word.text) != std::end(kStartsNothing);
  };
  return !starts_nothing(words[1]) && !(at > 2 && starts_nothing(words[2]));  // "docker pull", "docker image pull"
}

std::size_t starts_vllm(const Words& words, std::size_t at) {
  if (program_at(words, at) == "vllm" && is_word(words, at + 1, "serve")) return at + 2;
  if (is_word(words, at, "-m") && (is_word(words, at + 1, "vllm.entrypoints.openai.api_server") ||
                                   is_word(words, at + 1, "vllm.entrypoints.api_server"))) {
    return at + 2;
  }
  return is_image(words, at, "vllm/vllm-openai") ? at + 1 : 0;
}

std::size_t starts_sglang(const Words& words, std::size_t at) {
  if (program_at(words, at) == "sglang" && is_word(words, at + 1, "serve")) return at + 2;
  return is_word(words, at, "-m") && is_word(words, at + 1, "sglang.launch_server") ? at + 2 : 0;
}

std::size_t starts_trtllm(const Words& words, std::size_t at) {
  return program_at(words, at) == "trtllm-serve" ? at + 1 : 0;
}

std::size_t starts_tgi(const Words& words, std::size_t at) {
  if (program_at(words, at) == "text-generation-launcher") return at + 1;
  return is_image(words, at, "text-generation-inference") ? at + 1 : 0;
}

}  // namespace

const std::vector<Launcher>& launchers() {
  static const std::vector<Launcher> rows = {
      {"vllm_v1", "a launch line of vLLM", "vllm-project/vllm 0.19 vllm/engine/arg_utils.py, cli_args.py", starts_vllm,
       vllm_flags},
      {"sglang", "a launch line of SGLang", "sgl-project/sglang python/sglang/srt/server_args.py", starts_sglang,
       sglang_flags, finish_sglang},
      {"trtllm", "a launch line of TensorRT-LLM", "NVIDIA/TensorRT-LLM tensorrt_llm/commands/serve.py", starts_trtllm,
       trtllm_flags},
      {"tgi", "a launch line of Text Generation Inference",
       "huggingface/text-generation-inference launcher/src/main.rs", starts_tgi, tgi_flags},
  };
  return rows;
}

}  // namespace orrery::scenarios

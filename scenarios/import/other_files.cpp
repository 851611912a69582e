// Files that one might take for something to import, by their first bytes.
#include <algorithm>
#include <initializer_list>
#include <utility>

#include "models/serving/workload/json_fields.hpp"
#include "scenarios/import/import.hpp"

namespace orrery::scenarios {

namespace {

using models::begins_object_with;

bool has(const ImportFile& file, std::string_view text) { return file.head.find(text) != std::string::npos; }

bool begins(const ImportFile& file, std::string_view text) {
  const std::size_t at = file.head.find_first_not_of(" \t\r\n");
  return at != std::string::npos && file.head.compare(at, text.size(), text) == 0;
}

bool ends_in(const ImportFile& file, std::string_view ending) {
  const std::string name = file.name();
  return name.size() >= ending.size() && name.compare(name.size() - ending.size(), ending.size(), ending) == 0;
}

bool is_object_with_any(const ImportFile& file, std::initializer_list<std::string_view> keys) {
  return std::any_of(keys.begin(), keys.end(),
                     [&](std::string_view key) { return begins_object_with(file.head, key); });
}

bool is_markup(const ImportFile& f) { return begins(f, "<"); }
bool is_report(const ImportFile& f) {
  return (begins(f, "{") || begins(f, "[")) && has(f, "\"schema_version\"") && has(f, "\"orrery\"");
}
bool is_torch_trace(const ImportFile& f) {
  return begins(f, "{") && has(f, "\"traceEvents\"") && (has(f, "\"deviceProperties\"") || has(f, "\"schemaVersion\""));
}
bool is_chrome_trace(const ImportFile& f) {
  return has(f, "\"traceEvents\"") || (begins(f, "[") && has(f, "\"ph\"") && has(f, "\"ts\""));
}
bool is_deepspeed_config(const ImportFile& f) {
  return is_object_with_any(f, {"train_batch_size", "train_micro_batch_size_per_gpu", "zero_optimization"});
}
bool is_model_config(const ImportFile& f) { return is_object_with_any(f, {"model_type", "architectures"}); }
bool is_serving_result(const ImportFile& f) {
  return is_object_with_any(f, {"request_throughput", "mean_ttft_ms", "time_to_first_token"});
}
bool is_json(const ImportFile& f) { return begins(f, "{") || begins(f, "["); }
bool is_sqlite(const ImportFile& f) { return begins(f, "SQLite format 3"); }
bool is_nsys_report(const ImportFile& f) { return ends_in(f, ".nsys-rep") || ends_in(f, ".qdrep"); }
bool is_chakra(const ImportFile& f) { return ends_in(f, ".et") || has(f, "schema: 1.") || ends_in(f, ".chakra"); }
bool is_parquet(const ImportFile& f) { return f.head.compare(0, 4, "PAR1") == 0; }
bool is_zip(const ImportFile& f) { return f.head.compare(0, 4, "PK\x03\x04") == 0; }
/// A name says it of texts alone: bytes have their format's first ones.
bool is_weights(const ImportFile& f) {
  const auto at = [&](std::size_t i) { return i < f.head.size() ? static_cast<unsigned char>(f.head[i]) : 0U; };
  const bool zip = f.head.compare(0, 4, "PK\x03\x04") == 0;
  const bool pickle = at(0) == 0x80 && at(1) >= 2 && at(1) <= 5;
  const bool text = f.head.find('\0') == std::string::npos;
  if (f.head.compare(0, 4, "GGUF") == 0) return true;
  // A length of eight bytes, then JSON.
  if (ends_in(f, ".safetensors")) return text || at(8) == '{';
  return (ends_in(f, ".bin") || ends_in(f, ".pt") || ends_in(f, ".pth")) && (zip || pickle);
}
bool is_program(const ImportFile& f) {
  return f.head.compare(0, 4,
                        "\x7f"
                        "ELF") == 0;
}
bool is_nccl_tests(const ImportFile& f) { return has(f, "# nThread") || (has(f, "algbw") && has(f, "busbw")); }
bool is_nccl_log(const ImportFile& f) { return has(f, "NCCL INFO"); }
bool is_megatron(const ImportFile& f) {
  return has(f, "pretrain_gpt.py") || has(f, "--tensor-model-parallel-size") || has(f, "megatron");
}
bool is_deepspeed(const ImportFile& f) {
  return has(f, "deepspeed ") || has(f, "--deepspeed") || has(f, "deepspeed\t");
}
bool is_torchrun(const ImportFile& f) {
  return has(f, "torchrun") || has(f, "torch.distributed.run") || has(f, "torch.distributed.launch") ||
         has(f, "accelerate launch");
}
bool is_scenario(const ImportFile& f) { return f.has_yaml_key("scenario") && f.has_yaml_key("cluster"); }
bool is_script(const ImportFile& f) { return begins(f, "#!"); }
bool is_empty(const ImportFile& f) { return f.head.find_first_not_of(" \t\r\n") == std::string::npos; }
bool is_archive(const ImportFile& f) { return f.is_gzip; }
bool is_binary(const ImportFile& f) { return f.head.find('\0') != std::string::npos; }
bool is_table(const ImportFile& f) {
  const std::string line = f.head.substr(0, f.head.find('\n'));
  return line.find(',') != std::string::npos;
}

}  // namespace

// The first that recognises a file names it: what is more particular stands before what is less.
const std::vector<OtherFile>& other_files() {
  static const std::vector<OtherFile> rows = {
      {"empty", "empty", "give a file that holds something", "-", is_empty},
      {"markup", "XML or HTML", "give the file that the page or the program was made from", "-", is_markup},
      {"orrery_report", "a report of Orrery", "run its scenario again, or use orrery compare A B",
       "scenarios/report_json.hpp", is_report},
      {"torch_profiler", "a trace of the PyTorch profiler",
       "describe the run as a scenario (orrery new training); its trace opens in Perfetto beside ours (--trace)",
       "pytorch/kineto libkineto/src/output_json.cpp", is_torch_trace},
      {"chrome_trace", "a Chrome/Perfetto trace", "open it in Perfetto beside one of ours (orrery run FILE --trace)",
       "Trace Event Format, Google", is_chrome_trace},
      {"deepspeed_config", "a DeepSpeed configuration",
       "write its batch sizes and ZeRO stage into orrery new training: zero, micro_batch_size, global_batch_size",
       "microsoft/DeepSpeed deepspeed/runtime/config.py", is_deepspeed_config},
      {"model_config", "a model's config.json", "name it by its path as model: of a scenario, or by import --model",
       "Hugging Face transformers PretrainedConfig", is_model_config},
      {"serving_result", "a serving benchmark's result, but none of vllm bench serve --save-result",
       "write its load and figures into orrery new serving, under load: and expect:", "vllm/benchmarks/serve.py",
       is_serving_result},
      {"json", "JSON of no kind that is known here",
       "loads are lines or lists as orrery list trace_formats has them; a model's config.json goes to import --model",
       "-", is_json},
      {"sqlite", "an SQLite database, as nsys exports it", "export figures as text, and hold them under expect:",
       "NVIDIA Nsight Systems user guide, nsys export", is_sqlite},
      {"nsys_report", "a report of Nsight Systems", "open it in Nsight Systems; describe the run as a scenario",
       "NVIDIA Nsight Systems user guide", is_nsys_report},
      {"parquet", "a Parquet table", "write it as CSV with the columns of one of orrery list trace_formats",
       "apache/parquet-format README.md", is_parquet},
      {"weights", "a model's weights", "give the config.json beside them, as model: or by import --model",
       "huggingface/safetensors README.md", is_weights},
      {"chakra", "a Chakra execution trace", "describe the run as a scenario (orrery new training)",
       "mlcommons/chakra schema/protobuf/et_def.proto", is_chakra},
      {"zip", "a zip archive", "unpack it and give one of its files", "PKWARE APPNOTE.TXT", is_zip},
      {"program", "a program", "give the script that starts it", "System V ABI, ELF", is_program},
      {"archive", "a gzip archive of no kind that is known here", "unpack it and give one of its files", "RFC 1952",
       is_archive},
      {"binary", "a binary file of no kind that is known here", "give a text: a launch script, a trace, a result", "-",
       is_binary},
      {"scenario", "a scenario of Orrery", "run it: orrery run FILE", "scenarios/scenario.hpp", is_scenario},
      {"nccl_tests", "a log of nccl-tests",
       "lay it beside a prediction: orrery collective OP --cluster NODE --compare FILE",
       "NVIDIA/nccl-tests src/common.cu", is_nccl_tests},
      {"nccl_log", "a log of NCCL", "its topology and algorithms go into cluster: of a scenario",
       "NVIDIA/nccl src/debug.cc", is_nccl_log},
      {"megatron", "a launch script of Megatron-LM",
       "write its sizes and parallel degrees into orrery new training; its keys have the same meanings",
       "NVIDIA/Megatron-LM megatron/training/arguments.py", is_megatron},
      {"deepspeed", "a launch script of DeepSpeed", "write its sizes and ZeRO stage into orrery new training",
       "microsoft/DeepSpeed deepspeed/launcher/runner.py", is_deepspeed},
      {"torchrun", "a launch script of torchrun",
       "write its model, batch and parallel degrees into orrery new training",
       "pytorch/pytorch torch/distributed/run.py", is_torchrun},
      {"script", "a script without a launch line that is known here",
       "give the one that starts vllm serve, sglang, trtllm-serve or text-generation-launcher", "-", is_script},
      {"table", "a table of columns that no load has", "name its columns as one of orrery list trace_formats does", "-",
       is_table},
  };
  return rows;
}

}  // namespace orrery::scenarios

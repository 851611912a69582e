// Files that are something else: what each is called, and which name goes first where several fit.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/import/import.hpp"

namespace orrery::scenarios {
namespace {

/// The name of the first row that recognises such a file; "none".
std::string name_of(const std::string& head, const std::string& path = "dir/file", bool gzip = false) {
  ImportFile file;
  file.path = path;
  file.head = head;
  file.is_gzip = gzip;
  for (const OtherFile& row : other_files()) {
    if (row.recognise(file)) return std::string(row.name);
  }
  return "none";
}

TEST(OtherFiles, AreToldByTheirFirstBytes) {
  const std::pair<std::string, const char*> files[] = {
      {"", "empty"},
      {" \n\t\r\n", "empty"},
      {"<html>", "markup"},
      {"\n <?xml version=\"1.0\"?>", "markup"},
      {"{\"schema_version\": 1, \"orrery\": \"0.1.0\"}", "orrery_report"},
      {"[{\"schema_version\": 1, \"orrery\": \"0.1.0\"}]", "orrery_report"},
      {"{\"schemaVersion\": 1, \"traceEvents\": []}", "torch_profiler"},
      {"{\"deviceProperties\": [], \"traceEvents\": []}", "torch_profiler"},
      {"{\"traceEvents\": []}", "chrome_trace"},
      {"[{\"ph\": \"X\", \"ts\": 1}]", "chrome_trace"},
      {"{\"train_batch_size\": 8}", "deepspeed_config"},
      {"{\"train_micro_batch_size_per_gpu\": 8}", "deepspeed_config"},
      {"{\"zero_optimization\": {\"stage\": 3}}", "deepspeed_config"},
      {"{\"model_type\": \"llama\"}", "model_config"},
      {"{\"architectures\": [\"LlamaForCausalLM\"]}", "model_config"},
      {"{\"request_throughput\": 3.5}", "serving_result"},
      {"{\"mean_ttft_ms\": 3.5}", "serving_result"},
      {"{\"a\": 1}", "json"},
      {"[1, 2]", "json"},
      {std::string("SQLite format 3\0....", 20), "sqlite"},
      {"PAR1....", "parquet"},
      {"GGUF....", "weights"},
      {"schema: 1.0", "chakra"},
      {std::string("PK\x03\x04....", 8), "zip"},
      {"\x7f"
       "ELF....",
       "program"},
      {std::string("a\0b", 3), "binary"},
      {"scenario: a\ncluster: {}\n", "scenario"},
      {"# nThread 1 nGpus 8\n", "nccl_tests"},
      {"#   size  time  algbw  busbw\n", "nccl_tests"},
      {"node-1:1:1 [0] NCCL INFO Bootstrap\n", "nccl_log"},
      {"python pretrain_gpt.py --num-layers 12\n", "megatron"},
      {"deepspeed train.py\n", "deepspeed"},
      {"python train.py --deepspeed ds.json\n", "deepspeed"},
      {"python -m torch.distributed.run train.py\n", "torchrun"},
      {"accelerate launch train.py\n", "torchrun"},
      {"#!/bin/sh\necho hello\n", "script"},
      {"a,b\n1,2\n", "table"},
      {"hello\nhow, are you\n", "none"},
  };
  for (const auto& [head, name] : files) EXPECT_EQ(name_of(head), name) << head;
}

TEST(OtherFiles, AreToldByTheirNameWhereBytesSayLittle) {
  EXPECT_EQ(name_of("\x01\x02", "a/report.nsys-rep"), "nsys_report");
  EXPECT_EQ(name_of("\x01\x02", "report.qdrep"), "nsys_report");
  EXPECT_EQ(name_of("\x0a\x07", "rank.0.et"), "chakra");
  EXPECT_EQ(name_of("\x0a\x07", "rank.chakra"), "chakra");
  EXPECT_EQ(name_of("hello", "nsys-rep.txt"), "none") << "an ending, no part";
}

TEST(OtherFiles, WeightsAreThoseOfTheirFormats) {
  EXPECT_EQ(name_of(std::string("\x40\0\0\0\0\0\0\0{\"a\":", 13), "m.safetensors"), "weights");
  EXPECT_EQ(name_of(std::string("\x40\0\0\0\0\0\0\0abcde", 13), "m.safetensors"), "binary")
      << "no JSON behind a length";
  EXPECT_EQ(name_of("\x80\x02}q", "pytorch_model.bin"), "weights") << "a pickle";
  EXPECT_EQ(name_of(std::string("PK\x03\x04....", 8), "m.pt"), "weights") << "torch.save's zip";
  EXPECT_EQ(name_of(std::string("PK\x03\x04....", 8), "m.zip"), "zip");
  EXPECT_EQ(name_of(std::string("\x80\x09\0\0", 4), "m.bin"), "binary") << "no protocol of pickle";
}

TEST(OtherFiles, ArchivesAreNamedByWhatTheyHoldFirst) {
  EXPECT_EQ(name_of("{\"traceEvents\": []}", "t.json.gz", true), "chrome_trace");
  EXPECT_EQ(name_of("plain words", "t.gz", true), "archive");
}

TEST(OtherFiles, KeysOfAScenarioBeginALine) {
  EXPECT_EQ(name_of("# a comment\nscenario: a\nmodel: b\ncluster: {}\n"), "scenario");
  EXPECT_EQ(name_of("no scenario: a\n  cluster: {}\n"), "none");
  EXPECT_EQ(name_of("scenario: a\n"), "none");
}

TEST(OtherFiles, JsonOfAScriptIsNoScript) {
  // What is more particular stands before what is less.
  EXPECT_EQ(name_of("#!/bin/bash\ntorchrun pretrain_gpt.py\n"), "megatron");
  EXPECT_EQ(name_of("#!/bin/bash\ntorchrun train.py\n"), "torchrun");
  EXPECT_EQ(name_of("{\"a\": \"torchrun\"}"), "json");
}

TEST(OtherFiles, RecogniseNothingInNoBytesButTheEmptyOne) {
  ImportFile file;
  file.path = "x";
  std::size_t taken = 0;
  for (const OtherFile& row : other_files()) taken += row.recognise(file) ? 1 : 0;
  EXPECT_EQ(taken, 1U);
}

}  // namespace
}  // namespace orrery::scenarios

// Bad input: each case with its message, its position and exit code 2 (out of memory: a finding, exit code 1).

#include <sys/wait.h>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/places.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class BadInput : public FolderTest {
 protected:
  /// Runs `text` as a scenario and expects exit code 2.
  std::string error_of(const std::string& text) {
    const std::string file = write("bad.yaml", text);
    const Outcome outcome = orrery({"run", file});
    EXPECT_EQ(outcome.code, kExitInput) << outcome.out << outcome.err;
    return outcome.err;
  }
  /// The small scenario with one line changed.
  std::string error_with(const std::string& from, const std::string& to) {
    return error_of(replaced(small_scenario(), from, to));
  }
};

TEST_F(BadInput, TheSmallScenarioItselfIsWell) {
  const Outcome outcome = orrery({"run", write("small.yaml", small_scenario())});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("step time"));
}

TEST_F(BadInput, MissingFileIsNamed) {
  const Outcome outcome = orrery({"run", path("nothing.yaml")});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, HasSubstr("nothing.yaml"));
}

TEST_F(BadInput, FolderIsNoScenario) {
  const Outcome outcome = orrery({"run", folder_.string()});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, HasSubstr(folder_.string()));
}

TEST_F(BadInput, EmptyFileSaysSo) { EXPECT_THAT(error_of(""), HasSubstr("empty")); }

TEST_F(BadInput, BytesThatAreNotUtf8AreRefused) {
  EXPECT_THAT(error_of("scenario: \"\xff\xfe\"\n"), HasSubstr("UTF-8"));
}

TEST_F(BadInput, AHundredMegabytesAreRefusedAtOnce) {
  const std::string file = path("huge.yaml");
  {
    std::ofstream out(file);
    out << "scenario: x\n";
  }
  std::filesystem::resize_file(file, 100'000'000);  // sparse: takes no room
  const Outcome outcome = orrery({"run", file});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, HasSubstr("8 MiB"));
}

TEST_F(BadInput, DeepNestingIsRefused) {
  EXPECT_THAT(error_of("scenario: " + std::string(100000, '[') + "\n"), HasSubstr("64"));
}

TEST_F(BadInput, SyntaxErrorHasItsPlace) {
  EXPECT_THAT(error_with("model: gpt2-124m", "model: [gpt2-124m"), HasSubstr("bad.yaml:"));
}

TEST_F(BadInput, DuplicateKeyIsAnError) {
  EXPECT_THAT(error_with("model: gpt2-124m\n", "model: gpt2-124m\nmodel: gpt2-124m\n"),
              AllOf(HasSubstr("bad.yaml:3:1"), HasSubstr("model")));
}

TEST_F(BadInput, AliasBombIsRefusedUnexpanded) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j > 0 ? ", *a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(error_of(bomb), HasSubstr("bad.yaml:1:"));
}

TEST_F(BadInput, UnknownKeyNamesTheNearest) {
  EXPECT_THAT(error_with("tensor_parallel", "tensor_paralel"),
              AllOf(HasSubstr("bad.yaml:10:3"), HasSubstr("tensor_paralel"), HasSubstr("tensor_parallel")));
}

TEST_F(BadInput, WrongUnitNamesTheAcceptedOnes) {
  EXPECT_THAT(error_with("  data_parallel: 4\n", "  bucket_size: 25 parsecs\n"),
              AllOf(HasSubstr("bad.yaml:11:16"), HasSubstr("bucket_size"), HasSubstr("MiB")));
}

TEST_F(BadInput, NegativeNumberIsRefused) {
  EXPECT_THAT(error_with("sequence_length: 1024", "sequence_length: -5"),
              AllOf(HasSubstr("bad.yaml:7:20"), HasSubstr("sequence_length"), HasSubstr("-5")));
}

TEST_F(BadInput, ZeroIsRefused) {
  EXPECT_THAT(error_with("micro_batch_size: 4", "micro_batch_size: 0"),
              AllOf(HasSubstr("bad.yaml:9:21"), HasSubstr("micro_batch_size")));
}

TEST_F(BadInput, NotANumberIsRefused) {
  EXPECT_THAT(error_with("  data_parallel: 4\n", "  dropout: .nan\n"),
              AllOf(HasSubstr("bad.yaml:11:12"), HasSubstr("dropout")));
}

TEST_F(BadInput, OverflowIsRefused) {
  EXPECT_THAT(error_with("global_batch_size: 64", "global_batch_size: 99999999999999999999"),
              AllOf(HasSubstr("bad.yaml:8:22"), HasSubstr("global_batch_size")));
}

TEST_F(BadInput, BatchTooLargeToLowerIsToldAtOnce) {
  EXPECT_THAT(error_with("global_batch_size: 64", "global_batch_size: 1000000000"),
              AllOf(HasSubstr("bad.yaml:8:22"), HasSubstr("microbatches")));
}

TEST_F(BadInput, TensorParallelMustDivideHeads) {
  // GPT-2 124M has 12 heads; 8 does not divide them.
  EXPECT_THAT(error_with("tensor_parallel: 2\n  data_parallel: 4", "tensor_parallel: 8"),
              AllOf(HasSubstr("bad.yaml:10:20"), HasSubstr("heads"), HasSubstr("12")));
}

TEST_F(BadInput, LayersMustSplitEvenlyOrExplicitly) {
  // 12 layers on 8 stages.
  EXPECT_THAT(error_with("tensor_parallel: 2\n  data_parallel: 4", "pipeline_parallel: 8"),
              AllOf(HasSubstr("bad.yaml:10:22"), HasSubstr("12"), HasSubstr("stage_layers")));
}

TEST_F(BadInput, MoreGpusThanTheClusterHas) {
  EXPECT_THAT(error_with("data_parallel: 4", "data_parallel: 64"),
              AllOf(HasSubstr("bad.yaml:11:18"), HasSubstr("128"), HasSubstr("8")));
}

TEST_F(BadInput, UnknownModelNamesTheNearest) {
  EXPECT_THAT(error_with("gpt2-124m", "gpt2-125m"), AllOf(HasSubstr("bad.yaml:2:8"), HasSubstr("gpt2-124m")));
}

TEST_F(BadInput, UnknownNodeNamesTheNearest) {
  EXPECT_THAT(error_with("dgx_a100", "dgx_a1000"), AllOf(HasSubstr("bad.yaml:4:9"), HasSubstr("dgx_a100")));
}

TEST_F(BadInput, UnknownGpuNamesTheNearest) {
  EXPECT_THAT(error_with("  nodes: 1\n", "  nodes: 1\n  gpu: h100_sxn\n"),
              AllOf(HasSubstr("bad.yaml:6:8"), HasSubstr("h100_sxm")));
}

TEST_F(BadInput, UnknownFabricNamesTheNearest) {
  EXPECT_THAT(error_with("  nodes: 1\n", "  nodes: 2\n  fabric: rail_fat_tree_hdx\n"),
              AllOf(HasSubstr("bad.yaml:6:11"), HasSubstr("rail_fat_tree_hdr")));
}

TEST_F(BadInput, ManyNodesNeedAFabric) { EXPECT_THAT(error_with("nodes: 1", "nodes: 2"), HasSubstr("fabric")); }

TEST_F(BadInput, MalformedConfigJsonIsNamed) {
  write("config.json", "{\"model_type\": \"llama\", ");
  EXPECT_THAT(error_with("gpt2-124m", "./config.json"), AllOf(HasSubstr("bad.yaml:2:8"), HasSubstr("config.json")));
}

TEST_F(BadInput, UnknownArchitectureIsNamed) {
  write("config.json", "{\"model_type\": \"perceptron\"}");
  EXPECT_THAT(error_with("gpt2-124m", "./config.json"), AllOf(HasSubstr("config.json"), HasSubstr("perceptron")));
}

TEST_F(BadInput, AllErrorsComeTogether) {
  const std::string text = replaced(replaced(small_scenario(), "gpt2-124m", "gpt9"), "nodes: 1", "nodes: -1");
  EXPECT_THAT(error_of(replaced(text, "micro_batch_size", "micro_batch_sise")),
              AllOf(HasSubstr("bad.yaml:2:8"), HasSubstr("bad.yaml:5:10"), HasSubstr("bad.yaml:9:3")));
}

TEST_F(BadInput, ErrorsOfSeveralFilesComeTogether) {
  const std::string a = write("a.yaml", replaced(small_scenario(), "nodes: 1", "nodes: zero"));
  const std::string b = write("b.yaml", replaced(small_scenario(), "gpt2-124m", "gpt9"));
  const Outcome outcome = orrery({"run", a, b});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("a.yaml:5:10"), HasSubstr("b.yaml:2:8")));
  EXPECT_EQ(outcome.out, "");
}

TEST_F(BadInput, MissingJobPointsToTheTemplates) {
  EXPECT_THAT(error_of("scenario: x\nmodel: gpt2-124m\ncluster: {node: dgx_a100}\n"),
              AllOf(HasSubstr("bad.yaml:1:1"), HasSubstr("orrery new training"), HasSubstr("orrery new serving")));
}

TEST_F(BadInput, UnwritableOutputIsFoundBeforeTheRun) {
  const std::string file = write("small.yaml", small_scenario());
  const Outcome no_folder = orrery({"run", file, "--json", path("nowhere/report.json")});
  EXPECT_EQ(no_folder.code, kExitInput);
  EXPECT_THAT(no_folder.err, HasSubstr("there is no folder"));
  EXPECT_EQ(no_folder.out, "");
  const Outcome folder = orrery({"run", file, "--csv", folder_.string()});
  EXPECT_EQ(folder.code, kExitInput);
  EXPECT_THAT(folder.err, HasSubstr("it is a folder"));
}

TEST_F(BadInput, OutputsOverwriteNeitherInputsNorEachOther) {
  const std::string file = write("x.yaml", small_scenario());
  std::filesystem::create_directory(path("sub"));
  std::filesystem::create_hard_link(file, path("link.yaml"));
  for (const std::string& same : {file, path("sub/../x.yaml"), path("link.yaml")}) {
    const Outcome outcome = orrery({"run", file, "--json", same});
    EXPECT_EQ(outcome.code, kExitInput) << same;
    EXPECT_THAT(outcome.err, HasSubstr("would overwrite the input")) << same;
  }
  EXPECT_EQ(orrery({"check", folder_.string(), "--junit", file}).code, kExitInput);
  EXPECT_EQ(read_file(file), small_scenario());
  const Outcome twice = orrery({"run", file, "--json", path("a"), "--csv", path("sub/../a")});
  EXPECT_EQ(twice.code, kExitInput);
  EXPECT_THAT(twice.err, HasSubstr("same place"));
  EXPECT_FALSE(std::filesystem::exists(path("a")));
  EXPECT_EQ(orrery({"run", file, "--json", "-", "--csv", "-"}).code, kExitInput);
  EXPECT_EQ(orrery({"run", file, "-q", "--json", "/dev/null", "--csv", "/dev/null"}).code, kExitWell);
}

TEST_F(BadInput, FullStandardOutputIsNoSuccess) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  const std::string file = write("small.yaml", small_scenario());
  std::ofstream full("/dev/full");
  std::ostringstream err;
  EXPECT_EQ(run_command({"run", file}, full, err), kExitInput);
  EXPECT_THAT(err.str(), AllOf(HasSubstr("standard output"), HasSubstr("No space left")));
  const std::string command =
      fmt::format("'{}' run '{}' > /dev/full 2> '{}'", orrery::tests::orrery_program(), file, path("err"));
  const int status = std::system(command.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), kExitInput);
  EXPECT_THAT(read_file(path("err")), HasSubstr("No space left"));
}

TEST_F(BadInput, ModelOverridesKeepTheRulesOfAConfig) {
  // Llama-3 8B: hidden 4096, 32 heads, 8 of keys and values.
  const auto error = [&](const std::string& change) {
    return error_with("model: gpt2-124m\n", "model: {config: llama-3-8b, " + change + "}\n");
  };
  EXPECT_THAT(error("hidden: 1"), AllOf(HasSubstr("bad.yaml:2:"), HasSubstr("hidden 1 is not a multiple of 32 heads")));
  EXPECT_THAT(error("hidden: 4095"), HasSubstr("hidden 4095"));
  EXPECT_THAT(error("kv_heads: 64"), AllOf(HasSubstr("bad.yaml:2:"), HasSubstr("kv_heads 64 does not divide 32")));
  EXPECT_THAT(error("kv_heads: 3"), HasSubstr("kv_heads 3"));
  EXPECT_THAT(error("heads: 12, head_dim: 128"), HasSubstr("kv_heads 8 does not divide 12"));
  const std::string explicit_head =
      replaced(small_scenario(), "model: gpt2-124m\n", "model: {config: llama-3-8b, hidden: 4104, head_dim: 128}\n");
  EXPECT_EQ(orrery({"run", write("small.yaml", explicit_head), "-q"}).err, "");
}

TEST_F(BadInput, MemoryMustExceedWhatTheDriverReserves) {
  EXPECT_THAT(error_with("  nodes: 1\n", "  nodes: 1\n  gpu_memory: 1 KiB\n"),
              AllOf(HasSubstr("bad.yaml:6:"), HasSubstr("cluster.gpu_memory: 1.000 KiB is not more than")));
}

TEST_F(BadInput, ReadOnlyFolderIsFoundBeforeTheRun) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const std::string file = write("small.yaml", small_scenario());
  std::filesystem::create_directory(path("locked"));
  std::filesystem::permissions(path("locked"), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  EXPECT_EQ(orrery({"run", file, "--json", path("locked/report.json")}).code, kExitInput);
}

TEST_F(BadInput, OutOfMemoryIsAFindingWithTheLedger) {
  const Outcome outcome = orrery(
      {"run", write("small.yaml", small_scenario()), "--set", "cluster.gpu_memory=2 GiB", "--json", path("r.json")});
  EXPECT_EQ(outcome.code, kExitFinding) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("out of GPU memory"), HasSubstr("weights"), HasSubstr("optimizer"),
                                 HasSubstr("activations"), HasSubstr("stage 0")));
  EXPECT_THAT(read_file(path("r.json")), HasSubstr("\"kind\": \"out_of_memory\""));
}

TEST_F(BadInput, OverrideWithoutEqualsSignIsExplained) {
  const Outcome outcome = orrery({"run", write("small.yaml", small_scenario()), "--set", "training.tensor_parallel"});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, HasSubstr("key=value"));
}

TEST_F(BadInput, OverridesAreCheckedLikeTheFile) {
  const Outcome outcome = orrery({"run", write("small.yaml", small_scenario()), "--set", "training.tensor_paralel=4"});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("tensor_paralel"), HasSubstr("tensor_parallel")));
}

TEST_F(BadInput, UnknownOptionAndCommandAreInputErrors) {
  EXPECT_EQ(orrery({"run", "--fast"}).code, kExitInput);
  EXPECT_EQ(orrery({"dance"}).code, kExitInput);
  EXPECT_EQ(orrery({}).code, kExitInput);
}

TEST_F(BadInput, MissingPartsOfTheBuildSayWhatIsMissing) {
  EXPECT_THAT(orrery({"execute", "x.yaml"}).err, HasSubstr("CUDA"));
  EXPECT_EQ(orrery({"gui"}).code, kExitInput);
}

TEST_F(BadInput, ExpectationsAreChecked) {
  const std::string expect =
      "expect:\n  - metric: training.step_tine_s\n    value: 1 s\n    tolerance: 10 %\n    source: x\n";
  EXPECT_THAT(error_of(small_scenario() + expect),
              AllOf(HasSubstr("bad.yaml:13:13"), HasSubstr("training.step_time_s")));
  const std::string unit =
      "expect:\n  - metric: training.step_time_s\n    value: 1 GiB\n    tolerance: 10 %\n    source: x\n";
  EXPECT_THAT(error_of(small_scenario() + unit), HasSubstr("bad.yaml:14:12"));
}

TEST_F(BadInput, VariantErrorsNameTheVariant) {
  EXPECT_THAT(error_of(small_scenario() + "variants:\n  - name: wide\n    set: {training.tensor_parallel: 5}\n"),
              AllOf(HasSubstr("variant 'wide'"), HasSubstr("heads")));
}

}  // namespace
}  // namespace orrery::scenarios::testing

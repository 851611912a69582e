// orrery sweep FILE: points beside runs of the same scenario one by one, in text, JSON and CSV.
#include <algorithm>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class SweepCommand : public FolderTest {
 protected:
  /// GPT-2 on a node, by tensor parallelism and microbatch; twelve heads are not eight.
  [[nodiscard]] static std::string base() { return replaced(small_scenario(), "  data_parallel: 4\n", ""); }
  [[nodiscard]] std::string grid(const std::string& more = "") const {
    return write(
        "g.yaml",
        base() + "sweep:\n  training.tensor_parallel: [1, 2, 8]\n  training.micro_batch_size: [1, 2]\n" + more);
  }
  [[nodiscard]] json swept(std::vector<std::string> more = {}) const {
    std::vector<std::string> args = {"sweep", grid(), "-q", "--json", path("g.json")};
    args.insert(args.end(), more.begin(), more.end());
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    return json::parse(read_file(path("g.json")));
  }
  /// The column of each row; empty: no such column.
  [[nodiscard]] static std::vector<std::string> column(const std::string& csv, const std::string& name) {
    std::istringstream lines(csv);
    std::string line;
    std::vector<std::string> cells;
    std::size_t at = 0;
    for (bool head = true; std::getline(lines, line); head = false) {
      std::vector<std::string> row;
      std::istringstream parts(line);
      for (std::string cell; std::getline(parts, cell, ',');) row.push_back(cell);
      if (head) {
        at = static_cast<std::size_t>(std::find(row.begin(), row.end(), name) - row.begin());
        if (at == row.size()) return {};
      } else {
        cells.push_back(at < row.size() ? row[at] : "");
      }
    }
    return cells;
  }
};

TEST_F(SweepCommand, EachPointIsTheRunOfItsKeys) {
  const json grid_report = swept();
  ASSERT_EQ(grid_report["points"].size(), 4U);
  const std::string alone = write("s.yaml", base());
  for (const json& point : grid_report["points"]) {
    std::vector<std::string> args = {"run", alone, "--json", "-"};
    for (const auto& [key, value] : point["set"].items()) {
      args.insert(args.end(), {"--set", key + "=" + value.get<std::string>()});
    }
    const json run = json::parse(orrery(args).out);
    for (const char* metric : {"step_time_s", "tokens_per_s", "mfu", "exposed_communication_s"}) {
      EXPECT_EQ(point["report"]["training"][metric], run["training"][metric]) << point["set"] << metric;
    }
    EXPECT_EQ(point["report"]["memory"]["peak_bytes"], run["memory"]["peak_bytes"]);
    EXPECT_EQ(point["report"]["cost"]["usd"], run["cost"]["usd"]);
    EXPECT_EQ(point["gpus"], 8);
  }
}

TEST_F(SweepCommand, PointsThatCannotBeHaveTheirReason) {
  const json report = swept();
  ASSERT_EQ(report["skipped"].size(), 2U);
  for (const json& point : report["skipped"]) {
    EXPECT_EQ(point["set"]["training.tensor_parallel"], "8");
    EXPECT_THAT(point["reason"].get<std::string>(),
                HasSubstr("8 does not divide the attention heads of gpt2-124m (12)"));
  }
  EXPECT_EQ(report["sweep"]["training.tensor_parallel"], json({"1", "2", "8"}));
}

TEST_F(SweepCommand, CsvHasTheJsonsFiguresInTheOrderOfTheGrid) {
  const json report = swept({"--csv", path("g.csv")});
  const std::string csv = read_file(path("g.csv"));
  EXPECT_THAT(column(csv, "training.tensor_parallel"), ElementsAre("1", "1", "2", "2", "8", "8"));
  EXPECT_THAT(column(csv, "training.micro_batch_size"), ElementsAre("1", "2", "1", "2", "1", "2"))
      << "the last axis runs fastest";
  const std::vector<std::string> steps = column(csv, "training.step_time_s");
  ASSERT_EQ(steps.size(), 6U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(std::stod(steps[i]), report["points"][i]["report"]["training"]["step_time_s"].get<double>());
  }
  EXPECT_EQ(steps[4], "");
}

TEST_F(SweepCommand, SortedRowsFallAndTheBestIsNamed) {
  const Outcome outcome = orrery({"sweep", grid(), "--sort", "training.mfu", "--columns", "training.mfu"});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  std::istringstream lines(outcome.out);
  std::vector<double> shares;
  std::string best;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("<- ") != std::string::npos) {
      best = line;
    } else if (line.find(" % ") != std::string::npos) {
      shares.push_back(std::stod(line));
    }
  }
  ASSERT_EQ(shares.size(), 4U) << outcome.out;
  EXPECT_TRUE(std::is_sorted(shares.rbegin(), shares.rend())) << outcome.out;
  EXPECT_THAT(best, HasSubstr("<- most training.tokens_per_s of those that fit"));
  EXPECT_EQ(std::stod(best), shares.front()) << "with one batch the most tokens are the most MFU";
}

TEST_F(SweepCommand, ObjectiveNamesWhatTheBestIsBestAt) {
  const std::string least = orrery({"sweep", grid(), "--objective", "memory.peak_bytes"}).out;
  EXPECT_THAT(least, HasSubstr("<- least memory.peak_bytes"));
  const std::size_t mark = least.find("<- "), begin = least.rfind('\n', mark) + 1;
  // The smaller microbatch on more ranks keeps the least.
  EXPECT_THAT(least.substr(begin, mark - begin),
              AllOf(HasSubstr("training.tensor_parallel=2"), HasSubstr("training.micro_batch_size=1")));
}

TEST_F(SweepCommand, ColumnsAreThoseThatAreAskedFor) {
  ASSERT_EQ(orrery({"sweep", grid(), "-q", "--columns", "training.mfu,cost.usd", "--csv", path("g.csv")}).code,
            kExitWell);
  const std::string csv = read_file(path("g.csv"));
  EXPECT_EQ(column(csv, "training.mfu").size(), 6U);
  EXPECT_EQ(column(csv, "cost.usd").size(), 6U);
  EXPECT_TRUE(column(csv, "training.step_time_s").empty());
}

TEST_F(SweepCommand, FrontIsWhatNoPointBeats) {
  const json report = swept({"--pareto", "training.tokens_per_s,memory.peak_bytes"});
  for (const json& a : report["points"]) {
    bool beaten = false;
    for (const json& b : report["points"]) {
      const double speed =
          b["report"]["training"]["tokens_per_s"].get<double>() - a["report"]["training"]["tokens_per_s"].get<double>();
      const double memory =
          b["report"]["memory"]["peak_bytes"].get<double>() - a["report"]["memory"]["peak_bytes"].get<double>();
      beaten = beaten || (speed >= 0 && memory <= 0 && (speed > 0 || memory < 0));
    }
    EXPECT_EQ(a["pareto"].get<bool>(), !beaten) << a["set"];
  }
}

TEST_F(SweepCommand, SetIsUnderEveryPoint) {
  const json report = swept({"--set", "training.sequence_length=512"});
  const std::string alone = write("s.yaml", base());
  const json run = json::parse(orrery({"run", alone, "--json", "-", "--set", "training.sequence_length=512", "--set",
                                       "training.tensor_parallel=1", "--set", "training.micro_batch_size=1"})
                                   .out);
  EXPECT_EQ(report["points"][0]["report"]["training"]["step_time_s"], run["training"]["step_time_s"]);
}

TEST_F(SweepCommand, OutOfMemoryIsDataAndNoFinding) {
  const std::string file =
      write("o.yaml", replaced(base(), "gpt2-124m", "llama-3.1-70b") + "sweep:\n  training.tensor_parallel: [2, 4]\n");
  const Outcome outcome = orrery({"sweep", file, "-q", "--json", path("o.json")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  const json report = json::parse(read_file(path("o.json")));
  ASSERT_EQ(report["points"].size(), 2U);
  for (const json& point : report["points"]) {
    EXPECT_THAT(point["report"]["findings"].dump(), HasSubstr("out_of_memory")) << point["set"];
  }
}

TEST_F(SweepCommand, NothingIsLeftOfItsPartialFiles) {
  (void)swept({"--csv", path("g.csv")});
  EXPECT_FALSE(std::filesystem::exists(path("g.partial.json")));
  EXPECT_FALSE(std::filesystem::exists(path("g.partial.csv")));
}

TEST_F(SweepCommand, MistakesAreToldBeforeAnythingRuns) {
  const auto refused = [&](std::vector<std::string> args) {
    args.insert(args.begin(), "sweep");
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitInput) << outcome.out;
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  const std::string file = grid();
  EXPECT_THAT(refused({file, "--json", file}), HasSubstr("the output would overwrite the input"));
  EXPECT_THAT(refused({file, "--csv", path("no/g.csv")}), HasSubstr("can't write"));
  EXPECT_THAT(refused({file, "--set", "training.tensor_parallel=4"}), HasSubstr("is without effect"));
  EXPECT_THAT(refused({file, "--pareto", "training.mfu"}), HasSubstr("--pareto: a front is of two metrics"));
  EXPECT_THAT(refused({path("none.yaml")}), HasSubstr("none.yaml: no such file"));
  EXPECT_THAT(refused({write("n.yaml", base())}), HasSubstr("no sweep: section"));
  // A partial file is an output too.
  write("g.partial.json", "scenario");
  EXPECT_THAT(refused({write("g.partial.json", base() + "sweep:\n  training.tensor_parallel: [1]\n"), "--json",
                       path("g.json")}),
              HasSubstr("the partial output would overwrite the input"));
}

// No point then can be: told once, at its list, with the nearest key.
TEST_F(SweepCommand, AnAxisThatIsNoKeyIsWrongInput) {
  const Outcome outcome = orrery({"sweep", write("u.yaml", base() + "sweep:\n  training.tensor_paralel: [1, 2]\n")});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, HasSubstr("u.yaml:12:29: sweep.training.tensor_paralel: 'training': unknown key "
                                     "'tensor_paralel'; did you mean 'tensor_parallel'?\n"));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
}

}  // namespace
}  // namespace orrery::scenarios::testing

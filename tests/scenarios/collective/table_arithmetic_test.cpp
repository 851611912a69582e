// Tables of collectives by nccl-tests' own arithmetic: counts, bandwidths and bytes of links for every operation.
#include <cmath>
#include <map>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

struct Operation {
  const char* name;
  double (*factor)(double ranks);  ///< busbw/algbw, nccl-tests doc/PERFORMANCE.md
  bool parts;                      ///< count is of one rank's part
};

constexpr Operation kOperations[] = {
    {"all_reduce", [](double n) { return 2.0 * (n - 1.0) / n; }, false},
    {"all_gather", [](double n) { return (n - 1.0) / n; }, true},
    {"reduce_scatter", [](double n) { return (n - 1.0) / n; }, true},
    {"all_to_all", [](double n) { return (n - 1.0) / n; }, true},
    {"broadcast", [](double) { return 1.0; }, false},
    {"reduce", [](double) { return 1.0; }, false},
};

class CollectiveArithmetic : public FolderTest {
 protected:
  [[nodiscard]] json table(const std::string& operation, std::vector<std::string> more) const {
    std::vector<std::string> args = {"collective", operation, "--cluster", "dgx_h100", "-q", "--json", path("t.json")};
    args.insert(args.end(), more.begin(), more.end());
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitWell) << operation << outcome.err;
    return json::parse(read_file(path("t.json")));
  }
};

TEST_F(CollectiveArithmetic, BandwidthsAndCountsAreNcclTestsOnes) {
  for (const Operation& operation : kOperations) {
    for (const int gpus : {2, 4, 8}) {
      const json t =
          table(operation.name, {"--gpus", std::to_string(gpus), "--bytes", "1MiB..64MiB", "--type", "float"});
      ASSERT_EQ(t["rows"].size(), 7U) << operation.name;
      double size = 1 << 20;
      for (const json& row : t["rows"]) {
        EXPECT_EQ(row["bytes"].get<double>(), size) << operation.name;
        EXPECT_EQ(row["count"].get<double>(), size / 4 / (operation.parts ? gpus : 1)) << operation.name;
        const double algbw = size / row["time_s"].get<double>();
        EXPECT_NEAR(row["algbw_bytes_per_s"].get<double>(), algbw, 1e-9 * algbw) << operation.name;
        EXPECT_NEAR(row["busbw_bytes_per_s"].get<double>(), algbw * operation.factor(gpus), 1e-9 * algbw)
            << operation.name << " " << gpus;
        size *= 2;
      }
    }
  }
}

// What leaves a GPU through its NVLinks, 450 GB/s each way on an H100, takes that long at least.
TEST_F(CollectiveArithmetic, NothingIsFasterThanItsLinks) {
  for (const Operation& operation : kOperations) {
    const json t = table(operation.name, {"--bytes", "1KiB..4GiB"});
    ASSERT_EQ(t["rows"].size(), 23U);
    for (const json& row : t["rows"]) {
      const double bytes = row["link_bytes"]["node"];
      EXPECT_GE(row["time_s"].get<double>(), bytes / 450e9) << operation.name << row["bytes"];
      EXPECT_GT(bytes, 0.0) << operation.name;
    }
  }
}

// All-to-all: each rank sends (n − 1)/n of its buffer away, by whatever way.
TEST_F(CollectiveArithmetic, AllToAllSendsEachPartOnce) {
  for (const int gpus : {2, 4, 8}) {
    const json row = table("all_to_all", {"--bytes", "64MiB", "--gpus", std::to_string(gpus)})["rows"][0];
    EXPECT_NEAR(row["link_bytes"]["node"].get<double>(), 67108864.0 * (gpus - 1) / gpus, 1.0) << gpus;
  }
}

TEST_F(CollectiveArithmetic, TimesDoNotFallWithinAWay) {
  for (const Operation& operation : kOperations) {
    std::map<std::string, double> last;
    const json t = table(operation.name, {"--bytes", "1KiB..1GiB"});
    ASSERT_EQ(t["rows"].size(), 21U);
    for (const json& row : t["rows"]) {
      const std::string way = row["algorithm"].get<std::string>() + " " + row["protocol"].get<std::string>();
      const double time = row["time_s"];
      if (last.count(way) > 0) {
        EXPECT_GE(time, 0.999 * last[way]) << operation.name << " " << way << row["bytes"];
      }
      last[way] = time;
    }
  }
}

TEST_F(CollectiveArithmetic, NodesMultiplyTheGroup) {
  const json t = table("all_reduce", {"--nodes", "4", "--gpus", "8", "--bytes", "256MiB"});
  const json& row = t["rows"][0];
  EXPECT_NEAR(row["busbw_bytes_per_s"].get<double>(), row["algbw_bytes_per_s"].get<double>() * 2.0 * 31 / 32, 1e-3);
  // A GPU's card carries 50 GB/s each way: what goes over it takes that long at least.
  const double network = row["link_bytes"]["network"];
  EXPECT_GT(network, 0.0);
  EXPECT_GE(row["time_s"].get<double>(), network / 50e9);
  EXPECT_EQ(table("all_reduce", {"--bytes", "256MiB"})["rows"][0]["link_bytes"]["network"], 0.0) << "within a node";
}

TEST_F(CollectiveArithmetic, SizesGoByFactorsOfTwoFromTheFirst) {
  const json t = table("all_reduce", {"--bytes", "3KiB..100KiB"});
  std::vector<double> sizes;
  for (const json& row : t["rows"]) sizes.push_back(row["bytes"]);
  EXPECT_THAT(sizes, ::testing::ElementsAre(3072, 6144, 12288, 24576, 49152, 98304));
  EXPECT_EQ(table("all_reduce", {})["rows"].size(), 21U) << "1 KiB to 1 GiB";
}

TEST_F(CollectiveArithmetic, CsvHasTheFiguresOfTheJson) {
  const json t = table("all_gather", {"--bytes", "1MiB..8MiB", "--csv", path("t.csv")});
  std::istringstream lines(read_file(path("t.csv")));
  std::string head, line;
  std::getline(lines, head);
  std::vector<std::string> columns;
  std::istringstream names(head);
  for (std::string name; std::getline(names, name, ',');) columns.push_back(name);
  std::size_t i = 0;
  for (; std::getline(lines, line); ++i) {
    std::map<std::string, std::string> cells;
    std::istringstream row(line + ",");
    std::size_t at = 0;
    for (std::string cell; std::getline(row, cell, ',') && at < columns.size();) cells[columns[at++]] = cell;
    ASSERT_LT(i, t["rows"].size());
    EXPECT_EQ(std::stod(cells["time_s"]), t["rows"][i]["time_s"].get<double>());
    EXPECT_EQ(std::stod(cells["size_bytes"]), t["rows"][i]["bytes"].get<double>());
    EXPECT_EQ(cells["algorithm"], t["rows"][i]["algorithm"].get<std::string>());
    EXPECT_EQ(cells["op"], "all_gather");
  }
  EXPECT_EQ(i, 4U);
}

TEST_F(CollectiveArithmetic, OneSizeOfAWordThatIsNoneIsRefused) {
  const auto refused = [](const std::string& bytes) {
    const Outcome outcome = orrery({"collective", "all_reduce", "--cluster", "dgx_h100", "--bytes", bytes});
    EXPECT_EQ(outcome.code, kExitInput) << bytes << outcome.out;
    return outcome.err;
  };
  EXPECT_THAT(refused("0 B"), HasSubstr("--bytes '0 B'"));
  EXPECT_THAT(refused("1KiB.."), HasSubstr("--bytes"));
  EXPECT_THAT(refused("..1KiB"), HasSubstr("--bytes"));
  EXPECT_THAT(refused("-1KiB"), HasSubstr("--bytes"));
  EXPECT_THAT(refused("2MiB..1MiB"), HasSubstr("the second size is below the first"));
}

}  // namespace
}  // namespace orrery::scenarios::testing

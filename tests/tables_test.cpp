// The tables of the open families: every row has a name of its own, an equation and a source; every file of a
// family is reached from its table. That every row is run: rows_run_test.cpp.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/family.hpp"
#include "kernels/kernel.hpp"
#include "models/architectures/architectures.hpp"
#include "models/experts/exchange.hpp"
#include "models/parallel/tensor_modes.hpp"
#include "models/schedule/schedule.hpp"
#include "models/serving/engine_row.hpp"
#include "models/serving/routers/router.hpp"
#include "models/serving/schedulers/scheduler.hpp"
#include "models/serving/workload/workload.hpp"
#include "scenarios/metrics.hpp"
#include "sim/collective/collectives.hpp"
#include "tests/places.hpp"

namespace orrery {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

/// What all tables share. `source` is "-" where a table has none by nature (a metric's source is its equation).
struct Row {
  std::string name, equation, source;
};

struct Table {
  std::string title;
  std::vector<Row> rows;
};

/// The serving families, whose rows have the same three columns.
std::vector<Table> serving_tables() {
  const auto table_of = [](std::string title, const auto& rows) {
    Table table{std::move(title), {}};
    for (const auto& row : rows) {
      table.rows.push_back({std::string(row.name), std::string(row.equation), std::string(row.source)});
    }
    return table;
  };
  Table memory{"what engines leave for the KV cache", {}};
  for (const models::EngineRow& row : models::engines()) {
    const models::MemorySources& sources = row.memory_sources;
    memory.rows.push_back({fmt::format("{}.activations", row.name), "-", std::string(sources.activations)});
    memory.rows.push_back({fmt::format("{}.graphs", row.name), "-", std::string(sources.graphs)});
    memory.rows.push_back({fmt::format("{}.cache", row.name), "-", std::string(sources.cache)});
  }
  return {std::move(memory),
          table_of("engines", models::engines()),
          table_of("schedulers", models::schedulers()),
          table_of("routers", models::routers()),
          table_of("arrivals", models::arrival_processes()),
          table_of("lengths", models::length_distributions()),
          table_of("trace formats", models::trace_formats())};
}

std::vector<Table> tables() {
  std::vector<Table> all;
  const auto add = [&all](std::string title) -> std::vector<Row>& {
    all.push_back({std::move(title), {}});
    return all.back().rows;
  };
  auto& families = add("kernel families");
  for (const auto& row : kernels::families()) {
    families.push_back({std::string(row.name), std::string(row.equation), std::string(row.source)});
  }
  auto& models = add("fitted models of the kernel families");
  for (const auto& row : kernels::families()) {
    models.push_back({std::string(row.name), std::string(row.model.equation), std::string(row.model.source)});
  }
  auto& timers = add("kernel timers");
  for (const auto& row : kernels::timers()) {
    timers.push_back({std::string(row.name), std::string(row.equation), std::string(row.source)});
  }
  auto& collectives = add("collectives");
  for (const auto& row : sim::collective_algorithms()) {
    collectives.push_back({std::string(row.name), std::string(row.equation), std::string(row.source)});
  }
  auto& schedules = add("pipeline schedules");
  for (const auto& row : models::schedules()) {
    schedules.push_back({std::string(row.name), std::string(row.equation), std::string(row.source)});
  }
  auto& modes = add("modes of tensor parallelism");
  for (const auto& row : models::tensor_parallel_modes()) {
    modes.push_back({std::string(row.name), std::string(row.equation), std::string(row.source)});
  }
  auto& exchanges = add("expert exchanges");
  for (const auto& row : models::expert_exchanges()) {
    exchanges.push_back({std::string(row.name), std::string(row.equation), std::string(row.source)});
  }
  auto& architectures = add("architectures");
  for (const auto& row : models::architectures()) {
    architectures.push_back({std::string(row.model_type), std::string(row.summary), std::string(row.source)});
  }
  auto& metrics = add("metrics");
  for (const auto& row : scenarios::metric_rows()) {
    metrics.push_back({std::string(row.name), std::string(row.equation), "-"});
  }
  for (Table& table : serving_tables()) all.push_back(std::move(table));
  return all;
}

/// What is wrong with a table.
std::vector<std::string> row_faults(const Table& table) {
  std::vector<std::string> out;
  if (table.rows.empty()) out.push_back(table.title + " is empty");
  std::set<std::string> names;
  for (const Row& row : table.rows) {
    const std::string who = table.title + ": " + row.name;
    if (row.name.empty() || row.name.find(' ') != std::string::npos) out.push_back(who + " is no name");
    if (!names.insert(row.name).second) out.push_back(who + " is there twice");
    if (row.equation.empty()) out.push_back(who + " has no equation");
    if (row.equation.find('\n') != std::string::npos) out.push_back(who + "'s equation is more than a line");
    if (row.source.empty()) out.push_back(who + " has no source");
  }
  return out;
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Names that a source defines at the left margin: an identifier before '(' on a line that starts a definition.
std::vector<std::string> definitions(const std::string& text) {
  std::vector<std::string> names;
  const auto in_name = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line(text.data() + at, end - at);
    at = end + 1;
    if (line.empty() || (std::isalpha(static_cast<unsigned char>(line[0])) == 0)) continue;
    const std::size_t open = line.find('(');
    if (open == std::string_view::npos || open == 0) continue;
    std::size_t begin = open;
    while (begin > 0 && in_name(line[begin - 1])) --begin;
    if (begin > 0 && begin < open) names.emplace_back(line.substr(begin, open - begin));
  }
  return names;
}

/// Files of `folder` that define nothing the table's file names. A .cpp with its own header is no row but a part
/// that rows share.
std::vector<std::string> unreached(const fs::path& folder, const std::string& table_file) {
  const std::string table = read(folder / table_file);
  std::vector<std::string> out;
  int members = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path& path = entry.path();
    if (path.extension() != ".cpp" || path.filename() == table_file) continue;
    if (fs::exists(fs::path(path).replace_extension(".hpp"))) continue;
    ++members;
    const std::vector<std::string> names = definitions(read(path));
    const bool reached = std::any_of(names.begin(), names.end(),
                                     [&](const std::string& name) { return table.find(name) != std::string::npos; });
    if (!reached) out.push_back(path.string());
  }
  if (members == 0) out.push_back("no member found in " + folder.string());
  return out;
}

/// The text of every file below `folder` with one of the endings.
std::string all_text(const fs::path& folder, const std::set<std::string>& endings) {
  std::string text;
  if (!fs::exists(folder)) return text;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && endings.count(entry.path().extension().string()) > 0)
      text += read(entry.path()) + "\n";
  }
  return text;
}

const fs::path kRoot = orrery::tests::source_root();

TEST(Tables, EveryRowHasItsOwnNameAnEquationAndASource) {
  for (const Table& table : tables()) EXPECT_THAT(row_faults(table), IsEmpty());
}

TEST(Tables, FamilyModelsHaveOneBoundAndOneDefaultForEachCoefficient) {
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  for (const kernels::FamilyRow& row : kernels::families()) {
    EXPECT_EQ(row.model.names.size(), row.model.bounds.size()) << row.name;
    const std::vector<double> defaults = row.model.defaults(gpu);
    ASSERT_EQ(row.model.names.size(), defaults.size()) << row.name;
    for (std::size_t i = 0; i < defaults.size(); ++i) {
      const auto [least, most] = row.model.bounds[i];
      EXPECT_GT(least, 0.0) << row.name << " " << row.model.names[i];
      EXPECT_LE(least, defaults[i]) << row.name << " " << row.model.names[i];
      EXPECT_GE(most, defaults[i]) << row.name << " " << row.model.names[i];
      const bool efficiency = row.model.names[i].substr(0, 2) == "e_";
      EXPECT_TRUE(!efficiency || most <= 1.0) << row.name << " " << row.model.names[i];
    }
  }
}

TEST(Tables, EveryFileOfAFamilyIsReachedFromItsTable) {
  EXPECT_THAT(unreached(kRoot / "models/schedule", "schedules.cpp"), IsEmpty());
  EXPECT_THAT(unreached(kRoot / "models/experts", "exchanges.cpp"), IsEmpty());
  EXPECT_THAT(unreached(kRoot / "models/architectures", "architectures.cpp"), IsEmpty());
  EXPECT_THAT(unreached(kRoot / "sim/collective", "collectives.cpp"), IsEmpty());
  EXPECT_THAT(unreached(kRoot / "models/serving/engines", "engines.cpp"), IsEmpty());
  EXPECT_THAT(unreached(kRoot / "models/serving/schedulers", "schedulers.cpp"), IsEmpty());
  EXPECT_THAT(unreached(kRoot / "models/serving/routers", "routers.cpp"), IsEmpty());
  const std::string families = read(kRoot / "kernels/table/families.cpp");
  for (const auto& entry : fs::directory_iterator(kRoot / "kernels")) {
    const std::string folder = entry.path().filename().string();
    // cuda/ holds what launchers share, table/ the table itself.
    if (!entry.is_directory() || folder == "cuda" || folder == "table") continue;
    EXPECT_NE(families.find("\"kernels/" + folder + "/"), std::string::npos) << folder << " has no row";
  }
}

TEST(Tables, EverySchedulerIsUsedByAScenarioOfTheLibrary) {
  const std::string scenarios = all_text(kRoot / "scenarios/library", {".yaml"});
  for (const auto& row : models::schedulers()) {
    EXPECT_NE(scenarios.find("scheduler: " + std::string(row.name)), std::string::npos) << row.name;
  }
}

TEST(Tables, EveryCollectiveKindHasAnAlgorithmOfNccl) {
  for (const sim::CollectiveKind kind :
       {sim::CollectiveKind::all_reduce, sim::CollectiveKind::all_gather, sim::CollectiveKind::reduce_scatter,
        sim::CollectiveKind::all_to_all, sim::CollectiveKind::broadcast, sim::CollectiveKind::reduce}) {
    const auto rows = sim::collective_algorithms();
    EXPECT_TRUE(std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return sim::nccl_offers(row, kind); }))
        << static_cast<int>(kind);
  }
}

TEST(Tables, EveryProfileLoadsAndNamesItsSources) {
  ASSERT_THAT(hardware::gpu_names(), ::testing::SizeIs(::testing::Ge(10U)));
  for (const std::string& name : hardware::gpu_names()) {
    const hardware::Gpu gpu = hardware::load_gpu(name);
    EXPECT_EQ(gpu.name, name);
    EXPECT_GE(gpu.sources.size(), 8U) << name;
    for (const auto& [fact, source] : gpu.sources) EXPECT_FALSE(source.empty()) << name << " " << fact;
    for (const hardware::Fit& fit : gpu.fits) {
      EXPECT_FALSE(fit.source.empty()) << name << " " << fit.key;
      EXPECT_FALSE(fit.date.empty()) << name << " " << fit.key;
    }
  }
  for (const std::string& name : hardware::node_names()) EXPECT_EQ(hardware::load_node(name).name, name);
  for (const std::string& name : hardware::fabric_names()) EXPECT_EQ(hardware::load_fabric(name).name, name);
}

TEST(TablesChecker, FindsWhatARowLacks) {
  EXPECT_THAT(row_faults({"t", {{"a", "x = 1", "paper"}, {"b", "y = 2", "paper"}}}), IsEmpty());
  EXPECT_THAT(row_faults({"t", {}}), ::testing::ElementsAre("t is empty"));
  EXPECT_THAT(row_faults({"t", {{"a", "x", "s"}, {"a", "y", "s"}}}), ::testing::ElementsAre("t: a is there twice"));
  EXPECT_THAT(row_faults({"t", {{"a", "", ""}}}), ::testing::ElementsAre("t: a has no equation", "t: a has no source"));
  EXPECT_THAT(row_faults({"t", {{"a b", "x", "s"}}}), ::testing::ElementsAre("t: a b is no name"));
}

TEST(TablesChecker, FindsAFileThatItsTableForgot) {
  const fs::path folder = fs::path(::testing::TempDir()) / "orrery_tables_test";
  fs::remove_all(folder);
  fs::create_directories(folder);
  std::ofstream(folder / "table.cpp") << "rows = {ring_row()};";
  std::ofstream(folder / "ring.cpp") << "namespace {\n}\nRow ring_row() {\n  return helper();\n}\n";
  std::ofstream(folder / "shared.cpp") << "int shared() { return 1; }\n";
  std::ofstream(folder / "shared.hpp") << "int shared();\n";
  EXPECT_THAT(unreached(folder, "table.cpp"), IsEmpty());
  std::ofstream(folder / "tree.cpp") << "Row tree_row() {\n}\n";
  EXPECT_THAT(unreached(folder, "table.cpp"), ::testing::ElementsAre((folder / "tree.cpp").string()));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace orrery

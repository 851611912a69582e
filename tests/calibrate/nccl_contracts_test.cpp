// What NCCL's tables and laws promise beyond a good fit: what is held, what is rounded, what is kept back, and that
// nothing depends on the order of the rows.
#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "calibrate/nccl_law.hpp"
#include "calibrate/nccl_rows.hpp"
#include "calibrate/nccl_types.hpp"
#include "calibrate/split.hpp"
#include "sim/collective/constants.hpp"
#include "sim/collective/fitted.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::calibrate {
namespace {

using hardware::NcclAlgorithm;
using hardware::NcclProtocol;
using sim::CollectiveKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

CsvTable table_of(std::vector<std::vector<std::string>> rows) {
  return {"nccl.csv", {"op", "dtype", "gpus", "bytes", "time_us"}, std::move(rows)};
}

/// 40 µs and so many GB/s on the bus, in doublings from 1 KiB on.
std::vector<std::vector<std::string>> rows_of(const char* op, int ranks, int count, double gbps) {
  std::vector<std::vector<std::string>> rows;
  for (int i = 0; i < count; ++i) {
    const double bytes = std::ldexp(1024.0, i);
    const double us = 40.0 + bytes * (ranks - 1) / ranks / gbps * 1e-3;
    rows.push_back({op, "fp16", std::to_string(ranks), fmt::format("{}", bytes), fmt::format("{:.17g}", us)});
  }
  return rows;
}

FitOutcome fit(const std::vector<std::vector<std::string>>& rows) {
  const hardware::Cluster cluster = sim::testing::h100_cluster(1);
  return fit_nccl(table_of(rows), cluster.site(0), "2026-01-01");
}

std::vector<std::string> keys_of(const FitOutcome& outcome) {
  std::vector<std::string> keys;
  for (const hardware::Fit& one : outcome.fits) keys.push_back(one.key);
  return keys;
}

TEST(NcclOperations, AreThoseOfNcclTestsByTheirNames) {
  EXPECT_EQ(parse_operation("alltoall"), CollectiveKind::all_to_all);
  EXPECT_EQ(parse_operation("all_to_all"), CollectiveKind::all_to_all);
  for (const char* name : {"all_reduce", "all_gather", "reduce_scatter", "broadcast", "reduce"}) {
    ASSERT_TRUE(parse_operation(name)) << name;
    EXPECT_EQ(sim::name(*parse_operation(name)), name);
  }
  for (const char* wrong : {"", "ALL_REDUCE", "allreduce", "all_reduce ", "gather"}) {
    EXPECT_FALSE(parse_operation(wrong)) << wrong;
  }
}

// NCCL moves what it has no type for as bytes, and adds none of it.
TEST(NcclSums, OfElementsThatItHasNoTypeForAreRefused) {
  for (const char* word : {"int4", "nvfp4", "fp8_block"}) {
    const NcclType& type = *find_nccl_type(word);
    for (const CollectiveKind kind :
         {CollectiveKind::all_reduce, CollectiveKind::reduce_scatter, CollectiveKind::reduce}) {
      EXPECT_EQ(
          sum_refusal(kind, type),
          fmt::format("{} of {}: NCCL sums no such elements, it can only move their bytes", sim::name(kind), word));
    }
    for (const CollectiveKind kind :
         {CollectiveKind::all_gather, CollectiveKind::all_to_all, CollectiveKind::broadcast}) {
      EXPECT_EQ(sum_refusal(kind, type), "") << word;
    }
  }
  for (const char* word : {"half", "bf16", "fp8", "uint8", "int8"}) {
    EXPECT_EQ(sum_refusal(CollectiveKind::all_reduce, *find_nccl_type(word)), "") << word;
  }
}

TEST(NcclTables, AreToldByAllFiveColumns) {
  const std::vector<std::string> all = {"op", "dtype", "gpus", "bytes", "time_us"};
  EXPECT_TRUE(is_nccl_table({"t.csv", all, {}}));
  for (std::size_t left_out = 0; left_out < all.size(); ++left_out) {
    std::vector<std::string> some = all;
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(left_out));
    EXPECT_FALSE(is_nccl_table({"t.csv", some, {}})) << all[left_out];
  }
}

// Which size is kept back is its own, whatever the order, the dtype and the time of its row.
TEST(NcclTables, KeepBackTheSameSizesInAnyOrder) {
  std::vector<std::vector<std::string>> rows = rows_of("all_reduce", 8, 24, 300.0);
  const auto kept = [](const std::vector<std::vector<std::string>>& of) {
    std::set<double> sizes;
    for (const NcclRow& row : read_nccl_rows(table_of(of)).rows) {
      if (row.kept_back) sizes.insert(row.bytes.value());
    }
    return sizes;
  };
  const std::set<double> sizes = kept(rows);
  EXPECT_GE(sizes.size(), 1u);
  EXPECT_LE(sizes.size(), 10u);
  std::reverse(rows.begin(), rows.end());
  for (auto& row : rows) row[1] = "int8", row[4] = "77";
  EXPECT_EQ(kept(rows), sizes);
  for (auto& row : rows) row[2] = "4";
  EXPECT_NE(kept(rows), sizes) << "another family keeps back others";
}

TEST(NcclFits, LeaveOutFamiliesOfFewRowsAndOfMoreGpusThanANode) {
  std::vector<std::vector<std::string>> rows = rows_of("all_reduce", 8, 16, 300.0);
  const auto add = [&](const std::vector<std::vector<std::string>>& more) {
    rows.insert(rows.end(), more.begin(), more.end());
  };
  add(rows_of("broadcast", 8, 5, 300.0));
  add(rows_of("all_gather", 16, 16, 300.0));
  const FitOutcome outcome = fit(rows);
  EXPECT_THAT(keys_of(outcome), ElementsAre("nccl/node", "nccl/all_reduce/8"));
  std::set<std::string> reasons;
  for (const SkippedRow& row : outcome.left_out) reasons.insert(row.reason);
  EXPECT_THAT(reasons, ElementsAre("a node has 8 GPUs", "fewer than six rows to fit"));
  EXPECT_EQ(outcome.left_out.size(), 5u + 16u);
  EXPECT_THAT(fit(rows_of("broadcast", 8, 5, 300.0)).fits, IsEmpty());
}

TEST(NcclFits, SayWhereTheyAreFromAndRoundWhatAProfileHolds) {
  const FitOutcome outcome = fit(rows_of("all_gather", 8, 20, 300.0));
  ASSERT_EQ(outcome.fits.size(), 2u);
  for (const hardware::Fit& one : outcome.fits) {
    EXPECT_EQ(one.date, "2026-01-01");
    EXPECT_THAT(one.source, HasSubstr("/nccl.csv, nccl-tests on one node"));
    EXPECT_THAT(one.split, HasSubstr("fnv1a(kind/ranks/bytes) % 5 == 0"));
    EXPECT_THAT(one.families_seen, ElementsAre(family_hash("nccl/all_gather/8")));
    for (const auto& [name, value] : one.coefficients) EXPECT_EQ(value, rounded(value)) << name;
  }
  // One family: there is none that the node's law was not shown.
  for (const hardware::FitResidual& residual : outcome.fits[0].residuals) EXPECT_NE(residual.group, kUnseenFamily);
  std::vector<std::vector<std::string>> two = rows_of("all_gather", 8, 20, 300.0);
  for (const auto& row : rows_of("all_reduce", 8, 20, 300.0)) two.push_back(row);
  const FitOutcome both = fit(two);
  EXPECT_EQ(both.fits[0].residuals.back().group, kUnseenFamily);
  // Each family by the law of the other, as far as NCCL chooses an algorithm and protocol for both.
  EXPECT_GE(both.fits[0].residuals.back().rows, 20);
  EXPECT_LE(both.fits[0].residuals.back().rows, 40);
}

TEST(NcclFits, DoNotDependOnTheOrderOfTheRows) {
  std::vector<std::vector<std::string>> rows = rows_of("all_gather", 8, 20, 300.0);
  const std::vector<hardware::Fit> first = fit(rows).fits;
  std::rotate(rows.begin(), rows.begin() + 7, rows.end());
  const std::vector<hardware::Fit> second = fit(rows).fits;
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    ASSERT_EQ(first[i].coefficients.size(), second[i].coefficients.size());
    for (const auto& [name, value] : first[i].coefficients) {
      EXPECT_NEAR(second[i].coefficient(name).value_or(0.0), value, 1e-4 * std::abs(value) + 1e-15) << name;
    }
  }
}

// The switch adds at one rate and with one latency, whatever the number of ranks.
TEST(NcclNodeLaws, OfTheSwitchHaveNoExponentAndNoBlocks) {
  const hardware::Cluster cluster = sim::testing::h100_cluster(1);
  const sim::CollectiveRow* nvls = nullptr;
  for (const sim::CollectiveRow& row : sim::collective_algorithms()) {
    if (row.nccl == NcclAlgorithm::nvls) nvls = &row;
  }
  ASSERT_NE(nvls, nullptr);
  std::vector<LawRow> rows;
  for (const int ranks : {4, 8}) {
    for (int i = 0; i < 14; ++i) {
      const Bytes bytes{std::ldexp(65536.0, i)};
      const double us = 34.0 + bytes.value() * sim::bus_factor(CollectiveKind::all_reduce, ranks) / 400e9 * 1e6;
      rows.push_back(
          {CollectiveKind::all_reduce, ranks, bytes, Seconds{us * 1e-6}, {nvls, NcclProtocol::simple, 16, 512}});
    }
  }
  std::vector<const LawRow*> all;
  for (const LawRow& row : rows) all.push_back(&row);
  const std::vector<NamedNodeLaw> laws = fit_node_laws(all, cluster.site(0));
  ASSERT_EQ(laws.size(), 1u);
  EXPECT_EQ(laws[0].name, "nvls_simple");
  EXPECT_EQ(laws[0].law.bus_exponent, 0.0);
  EXPECT_EQ(laws[0].law.blocks.value(), 0.0);
  for (const LawRow& row : rows) {
    const Seconds time = laws[0].law.at(row.kind, row.ranks).time(row.kind, row.bytes, row.ranks);
    EXPECT_NEAR(time / row.measured, 1.0, 0.05) << row.ranks << " " << row.bytes.value();
  }
}

TEST(Residuals, AreTheMedianAndTheTailToSixDigits) {
  EXPECT_EQ(rounded(1.23456789), 1.23457);
  EXPECT_EQ(rounded(-9.8765432e-7), -9.87654e-7);
  EXPECT_EQ(rounded(0.0), 0.0);
  // Of 21 errors 0, 0.01 … 0.20 the middle one and the twentieth.
  std::vector<double> errors;
  for (int i = 20; i >= 0; --i) errors.push_back(0.01 * i);
  const hardware::FitResidual one = residual(kSeen, errors);
  EXPECT_EQ(one.group, kSeen);
  EXPECT_EQ(one.rows, 21);
  EXPECT_DOUBLE_EQ(one.median, 0.1);
  EXPECT_DOUBLE_EQ(one.p95, 0.19);
}

}  // namespace
}  // namespace orrery::calibrate

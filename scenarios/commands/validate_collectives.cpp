#include "scenarios/commands/validate_collectives.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "calibrate/collective_columns.hpp"
#include "calibrate/nccl_rows.hpp"
#include "calibrate/network_rows.hpp"
#include "hardware/catalogue/catalogue.hpp"
#include "hardware/catalogue/gpu_words.hpp"
#include "hardware/config/shown.hpp"
#include "scenarios/ask/names.hpp"
#include "scenarios/collective/cluster_query.hpp"
#include "scenarios/collective/nccl_tests.hpp"
#include "scenarios/format.hpp"

namespace orrery::scenarios {

namespace {

using calibrate::ErrorReport;
using calibrate::Machines;
using calibrate::NcclRows;
using hardware::ConfigError;

/// By its contract name; a profile of one's own by its path.
std::string named_gpu(const std::string& written) {
  return written.empty() || hardware::is_profile_path(written) ? written : gpu_name_of(written);
}

/// A node that the catalogue knows as `node`, with that GPU; empty: its own.
Machines nodes_of(const std::string& node, const std::string& gpu, const std::string& fabric) {
  if (!fabric.empty()) (void)hardware::load_fabric(fabric);  // what is wrong with it is told now, and not of each row
  const hardware::Cluster one = hardware::make_cluster(node, "single_node", 1, gpu);
  return Machines(one.site(0), node, fabric);
}

Machines machines_of(const Options& options, const std::string& gpu) {
  const std::string &cluster = options.collective.cluster, &fabric = options.collective.fabric;
  if (cluster.empty()) {
    if (gpu.empty()) {
      throw ConfigError("validate collectives needs --gpu NAME (orrery list gpus), or --cluster");
    }
    return nodes_of(options.node.empty() ? hardware::node_with(gpu) : options.node, gpu, fabric);
  }
  if (!options.node.empty()) throw ConfigError("validate: --node beside --cluster, which has nodes: name one of them");
  std::optional<hardware::Cluster> described = described_cluster(cluster);
  if (!described) {
    if (const std::string own = hardware::load_node(cluster).gpu; !gpu.empty() && own != gpu) {
      throw ConfigError(fmt::format("validate: --gpu {} beside --cluster {}, whose GPUs are {}", printable(gpu),
                                    printable(cluster), own));
    }
    return nodes_of(cluster, gpu, fabric);
  }
  const std::string file = hardware::quoted_path(cluster);
  if (!fabric.empty()) throw ConfigError(fmt::format("validate: --fabric beside {}, whose cluster has one", file));
  if (described->groups.size() > 1) {
    throw ConfigError(fmt::format("validate: {} has unlike nodes: name one of them with --cluster", file));
  }
  if (const std::string own = described->groups.front().gpu.name; !gpu.empty() && own != gpu) {
    throw ConfigError(fmt::format("validate: --gpu {} beside {}, whose GPUs are {}", printable(gpu), file, own));
  }
  return Machines(*std::move(described));
}

/// The GPU that a log is of, where all that it names are one.
std::string gpu_of(const std::vector<NcclTestsRow>& log) {
  std::string board;
  for (const NcclTestsRow& row : log) {
    if (row.board.empty() || row.board == board) continue;
    if (!board.empty()) return {};
    board = row.board;
  }
  return board.empty() ? board : gpu_name_of(board);
}

ErrorReport validate_log(const std::vector<NcclTestsRow>& log, Machines machines) {
  const std::string gpu = machines.site().gpu.name;
  if (const std::string misfit = machines.site().gpu.nccl_misfit(); !misfit.empty()) throw ConfigError(misfit);
  NcclRows rows;
  for (const NcclTestsRow& row : log) {
    const std::vector<std::string> called = hardware::gpus_called(row.board);
    const auto skip = [&](std::string why) {
      rows.skipped.push_back({row.line, fmt::format("{:.0f} bytes of {}", row.size.value(), printable(row.type)), why});
    };
    if (row.operation.empty()) {
      skip("the log names no test before it (all_reduce_perf, …)");
    } else if (row.ranks == 0) {
      skip("the log lists no ranks (#  Rank  0 …): among how many GPUs it was measured is not known");
    } else if (!called.empty() && std::find(called.begin(), called.end(), gpu) == called.end()) {
      skip(fmt::format("measured on {} (--gpu)", printable(row.board)));
    } else {
      calibrate::RawNcclRow raw{row.line, row.operation, row.type, row.ranks};
      if (row.hosts > 0) raw.nodes = row.hosts;
      raw.bytes = row.size.value();
      raw.time_us = row.time.value() * 1e6;
      calibrate::add_row(std::move(raw), rows);
    }
  }
  return calibrate::validate_nccl(std::move(rows), machines);
}

}  // namespace

Validation validate_collective_table(const Options& options, Console& console) {
  const std::string& table = options.files.at(1);
  std::string gpu = named_gpu(options.gpu);
  if (is_nccl_tests(table)) {
    const std::vector<NcclTestsRow> log = read_nccl_tests(table);
    if (gpu.empty() && options.collective.cluster.empty()) gpu = gpu_of(log);
    const auto validate = [log, machines = std::make_shared<Machines>(machines_of(options, gpu))] {
      return validate_log(log, std::move(*machines));
    };
    return {compute<ErrorReport>(validate, console).value_or(ErrorReport{}), {}};
  }
  const calibrate::CsvTable read = calibrate::read_csv(table);
  calibrate::require_collective_columns(read);
  if (calibrate::is_published_table(read)) {
    if (!options.collective.cluster.empty() || !options.collective.fabric.empty()) {
      throw ConfigError(fmt::format("validate: --cluster and --fabric beside {}, whose rows name their machines",
                                    hardware::quoted_path(table)));
    }
    return {calibrate::validate_published(read, gpu), {}};
  }
  const auto validate = [table, machines = std::make_shared<Machines>(machines_of(options, gpu))] {
    return calibrate::validate_collectives(table, *machines);
  };
  return {compute<ErrorReport>(validate, console).value_or(ErrorReport{}), {}};
}

}  // namespace orrery::scenarios

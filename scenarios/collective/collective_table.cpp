#include "scenarios/collective/collective_table.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "calibrate/nccl_refusal.hpp"
#include "calibrate/tables.hpp"
#include "scenarios/collective/cluster_query.hpp"
#include "scenarios/format.hpp"
#include "scenarios/nccl_section.hpp"
#include "scenarios/report.hpp"
#include "sim/collective/model.hpp"

namespace orrery::scenarios {
namespace {

using Json = nlohmann::ordered_json;
using sim::CollectiveKind;

constexpr double kGiga = 1e9, kMicro = 1e6;

/// nccl-tests counts the elements of one rank's part.
double count_of(const CollectiveQuery& query, Bytes size) {
  const double elements = size.value() / query.type.bytes;
  return std::floor(elements / query.parts());
}

struct Errors {
  int rows = 0;
  double mean = 0.0, p95 = 0.0, worst = 0.0;
};

Errors errors_of(const CollectiveTable& table) {
  std::vector<double> all;
  for (const CollectiveLine& line : table.lines) {
    if (line.error()) all.push_back(std::fabs(*line.error()));
  }
  Errors out;
  if (all.empty()) return out;
  out.rows = static_cast<int>(all.size());
  for (const double error : all) out.mean += error / static_cast<double>(all.size());
  out.worst = *std::max_element(all.begin(), all.end());
  out.p95 = calibrate::percentile(all, 0.95);
  return out;
}

/// Half as many nodes with as many GPUs each, where those take longer.
std::optional<FewerNodes> slower_of_fewer(const CollectiveQuery& query, sim::CollectiveCall call,
                                          const sim::CollectiveEstimate& estimate, const sim::CollectiveModel& model) {
  FewerNodes fewer{query.nodes / 2, {}};
  call.nodes = fewer.nodes;
  call.ranks = query.gpus * fewer.nodes;
  if (call.ranks < 2) return std::nullopt;
  fewer.estimate = model.explain(call);
  constexpr double kTold = 1.01;  // what rounds to the same is no finding
  if (!(fewer.estimate.time > kTold * estimate.time)) return std::nullopt;
  return fewer;
}

/// A larger message that takes less: not within one way of carrying it out, but where NCCL changes it.
void mark_dips(CollectiveTable& table) {
  const std::vector<std::size_t> order = by_size(table);
  for (std::size_t i = 1; i < order.size(); ++i) {
    const CollectiveLine& before = table.lines[order[i - 1]];
    CollectiveLine& line = table.lines[order[i]];
    line.dips = line.estimate.time < before.estimate.time;
  }
}

// What laws err by at the 95th percentile is no jump.
constexpr double kJump = 1.25;

/// NCCL changes its way by its own cost model, whose latencies are not those that were measured: there the time jumps.
void mark_jumps(CollectiveTable& table, const std::vector<sim::CollectiveCall>& calls, const hardware::Site& site,
                const sim::CollectiveModel& model) {
  const std::vector<std::size_t> order = by_size(table);
  for (std::size_t i = 1; i < order.size(); ++i) {
    const sim::CollectiveCall &smaller = calls[order[i - 1]], &call = calls[order[i]];
    const sim::Choice before = sim::select(smaller, site);
    if (before.same_way(sim::select(call, site))) continue;
    CollectiveLine& line = table.lines[order[i]];
    const Seconds stayed = model.time_by(before, call);
    const double ratio = line.estimate.time / stayed;
    if (ratio < kJump && ratio > 1.0 / kJump) continue;
    line.jump = Jump{way_of(table.lines[order[i - 1]].estimate), stayed};
  }
}

}  // namespace

std::string way_of(const sim::CollectiveEstimate& estimate) {
  return fmt::format("{} {}", estimate.algorithm, estimate.protocol);
}

std::string_view known(const CollectiveLine& line) {
  if (!line.refusal.empty()) return "refused";
  return line.estimate.extrapolated.empty() ? kernels::name(line.estimate.provenance) : "extrapolated";
}

std::vector<std::size_t> by_size(const CollectiveTable& table) {
  std::vector<std::size_t> order(table.lines.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return table.lines[a].size < table.lines[b].size; });
  return order;
}

int CollectiveQuery::parts() const {
  const bool each = kind == CollectiveKind::all_gather || kind == CollectiveKind::reduce_scatter ||
                    kind == CollectiveKind::all_to_all;
  return each ? ranks() : 1;
}

std::optional<double> CollectiveLine::error() const {
  if (!measured) return std::nullopt;
  return estimate.time / *measured - 1.0;
}

CollectiveTable predict(CollectiveQuery query) {
  CollectiveTable table{std::move(query), {}};
  std::vector<sim::CollectiveCall> calls;
  const CollectiveQuery& q = table.query;
  const hardware::Site site = q.cluster.site(0);
  const sim::CollectiveModel model(site);
  for (std::size_t i = 0; i < q.sizes.size(); ++i) {
    sim::CollectiveCall call{q.kind, q.sizes[i], q.ranks(), q.nodes};
    call.dtype = q.type.dtype;
    call.operations = q.operations;
    CollectiveLine line;
    line.size = q.sizes[i];
    line.count = count_of(q, line.size);
    line.estimate = model.explain(call);
    const sim::Choice choice = sim::select(call, site);
    line.load = choice.row->load(call);
    line.bound = sim::binding_link(call, site);
    line.rounding_depth = sim::rounding_depth(choice, call);
    line.refusal = calibrate::nccl_refusal(call, choice, site, q.algorithm_key, "cluster.nccl.proto");
    line.slower = slower_of_fewer(q, call, line.estimate, model);
    line.algbw = line.size.value() / line.estimate.time.value();
    line.busbw = line.algbw * sim::bus_factor(q.kind, q.ranks());
    if (!q.measured.empty()) line.measured = q.measured[i].time;
    table.lines.push_back(std::move(line));
    calls.push_back(call);
  }
  mark_dips(table);
  mark_jumps(table, calls, site, model);
  return table;
}

std::string describe(const CollectiveQuery& query) {
  const hardware::NodeGroup& group = query.cluster.groups.front();
  const std::string library = query.cluster.site(0).has_ici()
                                  ? std::string("compiled by XLA")
                                  : fmt::format("NCCL {}", hardware::name(query.cluster.nccl.version));
  return fmt::format("{} over {} GPUs: {} x {} {} ({}), {}, {}", sim::name(query.kind), query.ranks(), query.nodes,
                     query.gpus, group.gpu.name, group.node.name, query.cluster.fabric.name, library);
}

std::string table_text(const CollectiveTable& table) {
  std::size_t wide = 14;
  for (const CollectiveLine& line : table.lines) wide = std::max(wide, line.estimate.algorithm.size());
  const bool measured = !table.query.measured.empty();
  std::string out = fmt::format("# {}\n", printable(describe(table.query)));
  out += fmt::format("#{:>13} {:>13} {:>9} {:>{}} {:>8} {:>8} {:>7} {:>11} {:>9} {:>9}  {}", "size", "count", "type",
                     "algorithm", wide, "proto", "channels", "threads", "time", "algbw", "busbw", "known");
  out += measured ? fmt::format(" {:>14} {:>8}\n", "measured", "error") : "\n";
  out += fmt::format("#{:>13} {:>13} {:>9} {:>{}} {:>8} {:>8} {:>7} {:>11} {:>9} {:>9}", "(B)", "(elements)", "", "",
                     wide, "", "", "", "(us)", "(GB/s)", "(GB/s)");
  out += measured ? fmt::format("  {:>5} {:>14} {:>8}\n", "", "(us)", "(%)") : "\n";
  for (const CollectiveLine& line : table.lines) {
    const sim::CollectiveEstimate& e = line.estimate;
    out += fmt::format(" {:>13.0f} {:>13.0f} {:>9} {:>{}} {:>8} {:>8} {:>7} {:>11.2f} {:>9.2f} {:>9.2f}  {}",
                       line.size.value(), line.count, table.query.type.name, e.algorithm, wide, e.protocol, e.channels,
                       e.threads, e.time.value() * kMicro, line.algbw / kGiga, line.busbw / kGiga, known(line));
    if (line.measured)
      out += fmt::format(" {:>10.2f} {:>+8.1f}", line.measured->value() * kMicro, *line.error() * 100.0);
    out += "\n";
  }
  for (const std::string& note : notes_of(table)) out += fmt::format("# {}\n", note);
  if (const Errors errors = errors_of(table); errors.rows > 0) {
    out += fmt::format("# {} sizes measured: mean error {:.1f} %, p95 {:.1f} %, worst {:.1f} %\n", errors.rows,
                       errors.mean * 100.0, errors.p95 * 100.0, errors.worst * 100.0);
  }
  return out;
}

std::string table_csv(const CollectiveTable& table) {
  std::string out =
      "op,gpus,nodes,size_bytes,count,type,algorithm,protocol,channels,threads,time_s,algbw_bytes_per_s,"
      "busbw_bytes_per_s,provenance,node_bytes,network_bytes,bound_by,rounding_depth,measured_s,error,extrapolated\n";
  for (const CollectiveLine& line : table.lines) {
    const sim::CollectiveEstimate& e = line.estimate;
    out += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},\"{}\"\n",
                       sim::name(table.query.kind), table.query.ranks(), table.query.nodes, shortest(line.size.value()),
                       shortest(line.count), table.query.type.name, e.algorithm, e.protocol, e.channels, e.threads,
                       shortest(e.time.value()), shortest(line.algbw), shortest(line.busbw), known(line),
                       shortest(line.load.node.value()), shortest(line.load.network.value()), line.bound.link_class,
                       line.rounding_depth, line.measured ? shortest(line.measured->value()) : "",
                       line.error() ? shortest(*line.error()) : "", e.extrapolated);
  }
  return out;
}

std::string table_json(const CollectiveTable& table) {
  const CollectiveQuery& q = table.query;
  const hardware::NodeGroup& group = q.cluster.groups.front();
  Json json = {{"schema_version", kSchemaVersion},
               {"orrery", std::string(kVersion)},
               {"operation", std::string(sim::name(q.kind))},
               {"type", std::string(q.type.name)},
               {"node", group.node.name},
               {"gpu", group.gpu.name},
               {"fabric", q.cluster.fabric.name},
               {"gpus", q.ranks()},
               {"nodes", q.nodes},
               {"operations", q.operations}};
  if (!q.cluster.site(0).has_ici()) json["nccl_version"] = std::string(hardware::name(q.cluster.nccl.version));
  if (const Json nccl = nccl_json(q.cluster.nccl); !nccl.empty()) json["nccl"] = nccl;
  json["rows"] = Json::array();
  for (const CollectiveLine& line : table.lines) {
    const sim::CollectiveEstimate& e = line.estimate;
    Json row = {{"bytes", line.size.value()},
                {"count", line.count},
                {"algorithm", std::string(e.algorithm)},
                {"protocol", std::string(e.protocol)},
                {"channels", e.channels},
                {"threads", e.threads},
                {"time_s", e.time.value()},
                {"algbw_bytes_per_s", line.algbw},
                {"busbw_bytes_per_s", line.busbw},
                {"provenance", std::string(known(line))}};
    if (!line.refusal.empty()) row["refused"] = true;
    if (!e.extrapolated.empty()) row["extrapolated"] = e.extrapolated;
    if (line.dips) row["dips"] = true;
    if (line.jump) row["jump"] = {{"from", line.jump->from}, {"time_s", line.jump->time.value()}};
    if (!e.fit_key.empty()) row["fit"] = e.fit_key;
    row["link_bytes"] = {{"node", line.load.node.value()}, {"network", line.load.network.value()}};
    if (!line.bound.link_class.empty()) row["bound_by"] = std::string(line.bound.link_class);
    if (line.rounding_depth > 0) row["rounding_depth"] = line.rounding_depth;
    if (line.measured) {
      row["measured_s"] = line.measured->value();
      row["error"] = *line.error();
    }
    json["rows"].push_back(std::move(row));
  }
  if (const std::vector<std::string> notes = notes_of(table); !notes.empty()) json["notes"] = notes;
  if (const Errors errors = errors_of(table); errors.rows > 0) {
    json["errors"] = {{"rows", errors.rows}, {"mean", errors.mean}, {"p95", errors.p95}, {"max", errors.worst}};
  }
  return json.dump(2) + "\n";
}

}  // namespace orrery::scenarios

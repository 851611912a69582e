// Fitting one- and two-shot all_reduce kernels of serving engines. The equations: sim/collective/custom.hpp.
//
// Each form is a line in the bytes on the wire, t = L + W/B with B at most the links' rate, fitted to relative
// residuals with Huber weights on the sizes for which the library takes it. H of eager launches is the median of
// the times up to 64 KiB, unless the host of that run was busy, the copy C a line in the bytes through the excess over
// the graph's time above 1 MiB. A fifth of the sizes is kept back, for all libraries alike, or another library's row
// would give the answer away.
//
// Source: NVIDIA AIConfigurator @095f58a5, custom_allreduce tables. Limits of vLLM: CustomAllreduce.max_size
// (8 MiB) in vllm/distributed/device_communicators/custom_all_reduce.py, CUSTOM_ALL_REDUCE_MAX_SIZES and
// SYMM_MEM_ALL_REDUCE_MAX_SIZES in all_reduce_utils.py beside it @00d618aa, as the tables have them: the symmetric-
// memory kernels follow up to 64 MiB on Hopper. SGLang took vLLM's kernel; it and TensorRT-LLM are read off the tables:
// the last size before the time becomes that of NCCL's own kernels; TensorRT-LLM takes a two-shot kernel there on
// Blackwell.
// Limitations: on 8 B200 vLLM's two-shot kernel is slower than the symmetric-memory one above it, so that 1 MiB takes
// less time than 256 KiB.
#include "calibrate/custom_rows.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "calibrate/nccl_types.hpp"
#include "calibrate/rows.hpp"
#include "calibrate/split.hpp"
#include "hardware/config/shown.hpp"
#include "sim/collective/constants.hpp"
#include "sim/collective/custom.hpp"
#include "sim/collective/model.hpp"

namespace orrery::calibrate {
namespace {

using kernels::Implementation;

constexpr double kKiB = 1024.0, kMiB = 1048576.0;
constexpr std::size_t kFewestRows = 4;
constexpr std::string_view kSplit = "kept back: fnv1a(custom_allreduce/ranks/bytes) % 5 == 0";

/// What is left of 8 MiB where the size must be below it and a multiple of 16 bytes.
constexpr double kBelow8MiB = 8 * kMiB - 16;
constexpr double kNever = 1e15;

struct KernelName {
  std::string_view name;
  Implementation library;
  bool eager;
};
constexpr KernelName kKernels[] = {
    {"TRTLLM", Implementation::trtllm, false},
    {"vLLM_custom_graph", Implementation::vllm, false},
    {"vLLM_custom_eager", Implementation::vllm, true},
    {"SGLang_CustomAllReduce_graph", Implementation::sglang, false},
    {"SGLang_CustomAllReduce_eager", Implementation::sglang, true},
};

/// Limits of a library on 2, 4 and 8 GPUs of a generation.
struct LimitsRow {
  Implementation library;
  std::string_view generation;  ///< as profiles name it; empty: of every other
  CustomLimits two, four, eight;
};

constexpr CustomLimits from(double two_shot, double limit, double symmetric = kNever) {
  return {Bytes{two_shot}, Bytes{limit}, Bytes{symmetric}};
}

/// vLLM: two ranks go from one-shot to the symmetric-memory kernel where the custom one ends. SGLang took its kernels.
/// TensorRT-LLM: one line up to its limit, two on Blackwell.
constexpr LimitsRow kLimits[] = {
    {Implementation::vllm, "hopper", from(8 * kMiB, 64 * kMiB), from(512 * kKiB, 32 * kMiB),
     from(256 * kKiB, 64 * kMiB)},
    {Implementation::vllm, "blackwell", from(2 * kMiB, 8 * kMiB), from(512 * kKiB, 32 * kMiB, 2 * kMiB),
     from(256 * kKiB, 128 * kMiB, kMiB)},
    {Implementation::vllm, "", from(kNever, kBelow8MiB), from(512 * kKiB, kBelow8MiB), from(256 * kKiB, kBelow8MiB)},
    {Implementation::sglang, "ampere", from(kNever, 8 * kMiB), from(512 * kKiB, 8 * kMiB), from(256 * kKiB, 8 * kMiB)},
    {Implementation::sglang, "", from(kNever, 16 * kMiB), from(512 * kKiB, 16 * kMiB), from(256 * kKiB, 16 * kMiB)},
    {Implementation::trtllm, "ampere", from(kNever, 512 * kKiB), from(kNever, kMiB), from(kNever, 512 * kKiB)},
    {Implementation::trtllm, "blackwell", from(kNever, 8 * kMiB), from(2 * kMiB, 16 * kMiB), from(kMiB, 16 * kMiB)},
    {Implementation::trtllm, "", from(kNever, 8 * kMiB), from(kNever, kMiB), from(kNever, 512 * kKiB)},
};

struct Line {
  Seconds latency;
  BytesPerSecond bandwidth;
};

struct Point {
  double wire = 0.0, time = 0.0;  ///< bytes on the wire, seconds
};

/// Weighted least squares of (L + q·W)/t = 1 with L ≥ 0 and q ≥ least, solved on the corners where it must be.
std::pair<double, double> solve_line(const std::vector<Point>& points, const std::vector<double>& weight,
                                     double least) {
  double a = 0.0, b = 0.0, c = 0.0, d = 0.0, e = 0.0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double x = 1.0 / points[i].time, y = points[i].wire / points[i].time;
    a += weight[i] * x * x, b += weight[i] * x * y, c += weight[i] * y * y;
    d += weight[i] * x, e += weight[i] * y;
  }
  const double determinant = a * c - b * b;
  double latency = determinant > 1e-12 * a * c ? (d * c - e * b) / determinant : d / a;
  double slope = determinant > 1e-12 * a * c ? (a * e - b * d) / determinant : 0.0;
  if (slope < least) slope = least, latency = (d - b * least) / a;
  if (latency < 0.0) latency = 0.0, slope = std::max(e / c, least);
  return {std::max(latency, 0.0), slope};
}

Line fit_line(const std::vector<Point>& points, BytesPerSecond limit) {
  constexpr double kWidth = 0.05;
  std::vector<double> weight(points.size(), 1.0);
  std::pair<double, double> line;
  for (int iteration = 0; iteration < 50; ++iteration) {
    line = solve_line(points, weight, 1.0 / limit.value());
    for (std::size_t i = 0; i < points.size(); ++i) {
      const double off = std::abs((line.first + line.second * points[i].wire) / points[i].time - 1.0);
      weight[i] = off <= kWidth ? 1.0 : kWidth / off;
    }
  }
  return {Seconds{line.first}, BytesPerSecond{1.0 / line.second}};
}

using Rows = std::vector<const CustomRow*>;

hardware::Fit start_fit(Implementation library, bool eager, int ranks) {
  hardware::Fit fit;
  fit.key = sim::custom_fit_key(library, eager, ranks);
  fit.split = kSplit;
  fit.families_seen = {family_hash(fit.key)};
  return fit;
}

template <typename Time>
void add_residuals(hardware::Fit& fit, const Rows& rows, const Time& time) {
  std::vector<double> seen, kept;
  for (const CustomRow* row : rows)
    (row->kept_back ? kept : seen).push_back(std::abs(time(*row) / row->measured - 1.0));
  fit.residuals.push_back(residual(kSeen, seen));
  if (!kept.empty()) fit.residuals.push_back(residual(kUnseenPoint, kept));
}

std::optional<hardware::Fit> fit_graph(Implementation library, int ranks, const Rows& rows, const hardware::Gpu& gpu) {
  const CustomLimits limits = custom_limits(library, gpu.generation.name, ranks);
  const double one_factor = ranks - 1.0, two_factor = sim::bus_factor(sim::CollectiveKind::all_reduce, ranks);
  std::vector<Point> one, two, three;
  for (const CustomRow* row : rows) {
    if (row->kept_back) continue;
    const bool first = row->bytes < limits.two_shot;
    (first                           ? one
     : row->bytes < limits.symmetric ? two
                                     : three)
        .push_back({row->bytes.value() * (first ? one_factor : two_factor), row->measured.value()});
  }
  if (one.size() + two.size() + three.size() < kFewestRows || one.size() < 3) return std::nullopt;
  if (two.size() < 2 || three.size() < 2) two.insert(two.end(), three.begin(), three.end()), three.clear();
  const Line shot = fit_line(one, sim::node_bus_limit(gpu, sim::CollectiveKind::all_gather, ranks));
  hardware::Fit fit = start_fit(library, false, ranks);
  fit.coefficients = {{"one_shot_s", rounded(shot.latency.value())},
                      {"one_shot_bandwidth", rounded(shot.bandwidth.value())}};
  const auto add_form = [&](const std::vector<Point>& points, const std::string& name, std::string_view from,
                            Bytes first) {
    if (points.size() < 2) return;
    const Line line = fit_line(points, sim::node_bus_limit(gpu, sim::CollectiveKind::all_reduce, ranks));
    fit.coefficients.emplace_back(name + "_s", rounded(line.latency.value()));
    fit.coefficients.emplace_back(name + "_bandwidth", rounded(line.bandwidth.value()));
    fit.coefficients.emplace_back(from, first.value());
  };
  add_form(two, "two_shot", "switch_bytes", limits.two_shot);
  add_form(three, "symmetric", "symmetric_bytes", limits.symmetric);
  fit.coefficients.emplace_back("limit_bytes", limits.limit.value());
  add_residuals(fit, rows,
                [&fit, ranks](const CustomRow& row) { return sim::custom_curve(fit)->time(row.bytes, ranks); });
  return fit;
}

// The median time of small messages; 0 of fewer than two.
double host_time(const Rows& rows) {
  std::vector<double> small;
  for (const CustomRow* row : rows) {
    if (!row->kept_back && row->bytes.value() <= 64 * kKiB) small.push_back(row->measured.value());
  }
  return small.size() < 2 ? 0.0 : percentile(small, 0.5);
}

// What it says of runs whose host was not busy with something else, given that of each run of the library.
double idle_host_time(double own, const std::vector<double>& of_library) {
  constexpr double kBusy = 1.25;
  const double usual = percentile(of_library, 0.5);
  return own > kBusy * usual ? usual : own;
}

std::optional<hardware::Fit> fit_eager(Implementation library, int ranks, const Rows& rows, const hardware::Fit& graph,
                                       const hardware::Gpu& gpu, const std::vector<double>& hosts) {
  const auto curve = sim::custom_curve(graph);
  const double own = host_time(rows);
  if (!curve || own == 0.0) return std::nullopt;
  const double host = rounded(idle_host_time(own, hosts));
  std::vector<Point> excess;  // where the GPU, not the host, sets the time
  for (const CustomRow* row : rows) {
    const double more = (row->measured - curve->time(row->bytes, ranks)).value();
    if (!row->kept_back && row->measured.value() > 1.15 * host && more > 0.0 && row->bytes.value() >= kMiB) {
      excess.push_back({row->bytes.value(), more});
    }
  }
  // A copy reads and writes: at most half of the memory's rate.
  const Line line = excess.empty() ? Line{} : fit_line(excess, gpu.memory_bandwidth * 0.5);
  const double copy = rounded(line.latency.value());
  const double per_mib = excess.empty() ? 0.0 : rounded(kMiB / line.bandwidth.value());
  hardware::Fit fit = start_fit(library, true, ranks);
  fit.coefficients = {{"host_s", host}};
  if (copy > 0.0) fit.coefficients.emplace_back("copy_s", copy);
  if (per_mib > 0.0) fit.coefficients.emplace_back("copy_s_per_mib", per_mib);
  add_residuals(fit, rows, [&fit, &curve, ranks](const CustomRow& row) {
    return sim::eager_launch(fit)->time(row.bytes, curve->time(row.bytes, ranks));
  });
  return fit;
}

std::string describe(const CustomRow& row) {
  return fmt::format("{} all_reduce of {} bytes on {} GPUs, {}", kernels::name(row.library),
                     static_cast<std::int64_t>(row.bytes.value()), row.ranks, row.eager ? "eager" : "graph");
}

}  // namespace

CustomLimits custom_limits(Implementation library, std::string_view generation, int ranks) {
  const auto is_of = [&](const LimitsRow& row) {
    return row.library == library && (row.generation.empty() || row.generation == generation);
  };
  const auto* row = std::find_if(std::begin(kLimits), std::end(kLimits), is_of);
  if (row == std::end(kLimits)) throw std::logic_error("a library without rows of limits");
  return ranks == 2 ? row->two : ranks == 4 ? row->four : row->eight;
}

bool is_custom_table(const CsvTable& table) {
  for (const std::string_view column : {"backend", "kernel", "dtype", "gpus", "bytes", "time_us"}) {
    if (table.column(column) < 0) return false;
  }
  return true;
}

CustomRows read_custom_rows(const CsvTable& table) {
  const int kernel = table.column("kernel"), gpus = table.column("gpus");
  const int bytes = table.column("bytes"), time = table.column("time_us"), dtype = table.column("dtype");
  CustomRows out;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::string& name = text_cell(table, i, kernel);
    const std::string& element = text_cell(table, i, dtype);
    const NcclType* type = find_nccl_type(element);
    const auto* known = std::find_if(std::begin(kKernels), std::end(kKernels),
                                     [&name](const KernelName& one) { return one.name == name; });
    CustomRow row;
    row.line = line_of(i);
    row.ranks = static_cast<int>(integer_cell(table, i, gpus));
    row.bytes = Bytes{number_cell(table, i, bytes)};
    row.measured = Seconds{number_cell(table, i, time) * 1e-6};
    const std::string what = fmt::format("{} on {} GPUs", name, row.ranks);
    if (known == std::end(kKernels)) {
      out.skipped.push_back({row.line, what, "unknown kernel"});
    } else if (type == nullptr) {
      out.skipped.push_back({row.line, what, fmt::format("unknown type {}", hardware::shown(element))});
    } else if (type->only_moved) {
      out.skipped.push_back({row.line, what, fmt::format("no library sums elements of {}", type->word)});
    } else if (row.ranks != 2 && row.ranks != 4 && row.ranks != 8) {
      out.skipped.push_back({row.line, what, "fits are of 2, 4 and 8 GPUs"});
    } else if (!(row.bytes.value() > 0.0) || !(row.measured.value() > 0.0)) {
      out.skipped.push_back({row.line, what, "needs a positive size and time"});
    } else {
      row.library = known->library, row.eager = known->eager;
      row.kept_back = fnv1a(fmt::format("custom_allreduce/{}/{}", row.ranks, row.bytes.value())) % 5 == 0;
      out.rows.push_back(row);
    }
  }
  return out;
}

FitOutcome fit_custom(const CsvTable& table, const hardware::Gpu& gpu, std::string_view date) {
  CustomRows read = read_custom_rows(table);
  FitOutcome out;
  out.left_out = std::move(read.skipped);
  std::map<std::pair<Implementation, int>, std::pair<Rows, Rows>> families;
  for (const CustomRow& row : read.rows) {
    if (row.bytes > custom_limits(row.library, gpu.generation.name, row.ranks).limit) {
      out.left_out.push_back({row.line, describe(row), "above the library's limit: NCCL"});
      continue;
    }
    auto& [graph, eager] = families[{row.library, row.ranks}];
    (row.eager ? eager : graph).push_back(&row);
  }
  std::map<Implementation, std::vector<double>> hosts;
  for (const auto& [family, rows] : families) {
    if (const double host = host_time(rows.second); host > 0.0) hosts[family.first].push_back(host);
  }
  for (const auto& [family, rows] : families) {
    const auto add = [&](hardware::Fit fit) {
      fit.source = fmt::format("{}/{}, NVIDIA AIConfigurator @095f58a5, one node", gpu.name,
                               std::filesystem::path(table.file).filename().string());
      fit.date = date;
      out.fits.push_back(std::move(fit));
    };
    const auto graph = fit_graph(family.first, family.second, rows.first, gpu);
    const auto eager =
        graph ? fit_eager(family.first, family.second, rows.second, *graph, gpu, hosts[family.first]) : std::nullopt;
    if (graph) add(*graph);
    if (eager) add(*eager);
    const Rows& unfitted = graph ? rows.second : rows.first;
    if (eager) continue;
    for (const CustomRow* row : unfitted) out.left_out.push_back({row->line, describe(*row), "too few rows to fit"});
  }
  return out;
}

ErrorReport validate_custom(const CsvTable& table, const hardware::Site& site) {
  CustomRows read = read_custom_rows(table);
  const sim::CollectiveModel model(site);
  std::vector<PredictedRow> predicted;
  for (const CustomRow& row : read.rows) {
    if (row.ranks > site.gpus_per_node()) {
      read.skipped.push_back({row.line, describe(row), fmt::format("a node has {} GPUs", site.gpus_per_node())});
      continue;
    }
    const sim::CollectiveCall call{
        sim::CollectiveKind::all_reduce,
        row.bytes,
        row.ranks,
        1,
        row.eager ? sim::CollectiveLibrary::custom_eager : sim::CollectiveLibrary::custom_graph,
        row.library};
    std::string group(row.kept_back ? kUnseenPoint : kSeen);
    if (row.bytes > custom_limits(row.library, site.gpu.generation.name, row.ranks).limit) {
      group = "nccl";
    } else if (site.gpu.find_fit(sim::custom_fit_key(row.library, row.eager, row.ranks)) == nullptr) {
      group = kUnseenFamily;
    }
    predicted.push_back({row.line, describe(row), std::move(group), model.time(call).value(), row.measured.value()});
  }
  return summarise(predicted, std::move(read.skipped));
}

}  // namespace orrery::calibrate

// Reading tables of expert exchanges, and predicting their rows.
//
// Source: ai-dynamo/aiconfigurator @095f58a5, deepep and trtllm_alltoall tables. Random gating as in DeepEP's own tests
// (tests/test_internode.py: a token's experts lie on at most four nodes), fp8 dispatched and bf16 combined.
#include "calibrate/exchange_rows.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "calibrate/rows.hpp"
#include "calibrate/split.hpp"
#include "hardware/config/config.hpp"
#include "models/experts/reach.hpp"

namespace orrery::calibrate {
namespace {

using models::ExchangePhase;
using models::ExchangeShape;

/// A node of these tables is a host: 8 GPUs, or a tray of 4 where NVLink joins a rack.
int gpus_of_host(const hardware::Site& site) { return site.gpus_per_node() > 8 ? 4 : site.gpus_per_node(); }

/// Between 4 and 8 nodes DeepEP's normal kernels take three times as long in the table, and their notification 8 ms.
constexpr int kSuspectNodes = 8;
constexpr int kGroupLimit = 4;  // nodes

bool has_columns(const CsvTable& table, std::initializer_list<std::string_view> columns) {
  return std::all_of(columns.begin(), columns.end(),
                     [&](std::string_view column) { return table.column(column) >= 0; });
}

bool is_normal(const CsvTable& table) {
  return has_columns(table, {"nodes", "hidden", "tokens", "topk", "experts", "dispatch_sms", "dispatch_transmit_us",
                             "dispatch_notify_us", "combine_sms", "combine_transmit_us", "combine_notify_us"});
}

bool is_low_latency(const CsvTable& table) {
  return has_columns(table, {"nodes", "hidden", "tokens", "topk", "experts", "dispatch_us", "dispatch_GBps",
                             "combine_us", "combine_GBps"});
}

bool is_nvlink(const CsvTable& table) {
  return has_columns(
      table, {"op", "kernel", "dtype", "tokens", "hidden", "topk", "experts", "moe_ep", "distribution", "time_us"});
}

class Reader {
 public:
  Reader(const CsvTable& table, const hardware::Site& site) : table_(table), site_(site) {}

  ExchangeRows read() {
    const auto read_row = is_normal(table_)        ? &Reader::read_normal
                          : is_low_latency(table_) ? &Reader::read_low_latency
                                                   : &Reader::read_nvlink;
    for (row_ = 0; row_ < table_.rows.size(); ++row_) (this->*read_row)();
    return std::move(out_);
  }

 private:
  double number(std::string_view column) const { return number_cell(table_, row_, table_.column(column)); }
  int integer(std::string_view column) const {
    return static_cast<int>(integer_cell(table_, row_, table_.column(column)));
  }
  const std::string& text(std::string_view column) const { return text_cell(table_, row_, table_.column(column)); }

  ExchangeShape shape() const {
    ExchangeShape out;
    out.tokens = integer("tokens"), out.hidden = integer("hidden");
    out.topk = integer("topk"), out.experts = integer("experts");
    return out;
  }
  ExchangeShape shape_on_hosts() const {
    ExchangeShape out = shape();
    out.nodes = integer("nodes");
    out.ranks = out.nodes * gpus_of_host(site_);
    return out;
  }

  void skip(std::string what, std::string reason) {
    out_.skipped.push_back({line_of(row_), std::move(what), std::move(reason)});
  }

  void add(std::string_view name, const models::ExchangeLaw& law, ExchangePhase phase, const ExchangeShape& shape,
           double microseconds) {
    ExchangeMeasurement one;
    one.line = line_of(row_), one.row = models::find_expert_exchange(name), one.law = &law;
    one.phase = phase, one.shape = shape, one.measured = Seconds{microseconds * 1e-6};
    const std::string what = fmt::format("{} {} of {} tokens", name, models::name(phase), shape.tokens);
    std::string wrong = models::check(shape);
    if (wrong.empty()) wrong = one.row->refuses(shape, site_);
    if (wrong.empty() && !(microseconds > 0.0)) wrong = "needs a positive time";
    if (!wrong.empty()) return skip(what, std::move(wrong));
    one.kept_back = fnv1a(fmt::format("{}/{}/{}", name, one.family(), shape.tokens)) % 5 == 0;
    out_.rows.push_back(std::move(one));
  }

  void read_normal() {
    ExchangeShape shape = shape_on_hosts();
    if (shape.nodes == kSuspectNodes) {
      return skip(fmt::format("deepep_normal of {} tokens on 8 nodes", shape.tokens),
                  "the table's rows of 8 nodes are suspect: three times those of 4, with 8 ms of notification");
    }
    shape.group_limit = std::min(shape.nodes, kGroupLimit);
    const models::ExchangeLaw& law = shape.nodes > 1 ? models::deepep_internode_law() : models::deepep_normal_law();
    shape.sms = integer("dispatch_sms");
    add("deepep_normal", law, ExchangePhase::dispatch, shape,
        number("dispatch_transmit_us") + number("dispatch_notify_us"));
    shape.sms = integer("combine_sms");
    add("deepep_normal", law, ExchangePhase::combine, shape,
        number("combine_transmit_us") + number("combine_notify_us"));
  }

  void read_low_latency() {
    const ExchangeShape shape = shape_on_hosts();
    const models::ExchangeLaw& law = models::deepep_low_latency_law();
    const double copies = static_cast<double>(shape.tokens * shape.topk);
    for (const ExchangePhase phase : {ExchangePhase::dispatch, ExchangePhase::combine}) {
      const std::string prefix(models::name(phase));
      const double time = number(prefix + "_us"), counted = time * number(prefix + "_GBps") * 1e3;
      constexpr double kSourceIndex = 16.0, kRounding = 1.01;
      const double most = copies * (models::row_bytes(shape, phase).value() + kSourceIndex) * kRounding;
      if (counted > most) {
        skip(fmt::format("deepep_low_latency {} of {} tokens", prefix, shape.tokens),
             "its bandwidth and time say more bytes than its tokens have");
        continue;
      }
      add("deepep_low_latency", law, phase, shape, time);
    }
  }

  void read_nvlink() {
    struct Operation {
      std::string_view name;
      ExchangePhase phase;
    };
    constexpr std::array<Operation, 4> kOperations{{{"alltoall_prepare", ExchangePhase::prepare},
                                                    {"alltoall_dispatch", ExchangePhase::dispatch},
                                                    {"alltoall_combine", ExchangePhase::combine},
                                                    {"alltoall_combine_low_precision", ExchangePhase::combine}}};
    const auto* op = std::find_if(kOperations.begin(), kOperations.end(),
                                  [&](const Operation& one) { return one.name == text("op"); });
    const std::string& kernel = text("kernel");
    const bool two_sided = kernel == "NVLinkTwoSided";
    const auto dtype = parse_dtype(text("dtype"));
    const std::string what = fmt::format("{} by {}", text("op"), kernel);
    if (op == kOperations.end()) return skip(what, "unknown operation");
    if (!two_sided && kernel != "NVLinkOneSided") return skip(what, "unknown kernel");
    if (!dtype) return skip(what, fmt::format("unknown number format {}", text("dtype")));
    if (text("distribution") != "balanced") return skip(what, "only balanced gating is fitted");
    ExchangeShape shape = this->shape();
    shape.ranks = integer("moe_ep");
    shape.dispatch = *dtype;
    shape.combine = op->name == "alltoall_combine_low_precision" ? *dtype : Dtype::bf16;
    shape.gating = models::Gating::balanced;
    const models::ExchangeLaw& law = op->phase == ExchangePhase::prepare ? models::nvlink_prepare_law()
                                     : two_sided                         ? models::nvlink_two_sided_law()
                                                                         : models::nvlink_one_sided_law();
    add(two_sided ? "nvlink_two_sided" : "nvlink_one_sided", law, op->phase, shape, number("time_us"));
  }

  const CsvTable& table_;
  const hardware::Site& site_;
  std::size_t row_ = 0;
  ExchangeRows out_;
};

std::string describe(const ExchangeMeasurement& row) {
  const ExchangeShape& shape = row.shape;
  return fmt::format("{} {} of {} tokens, hidden {}, top {} of {}, {} ranks on {} node{}{}", row.row->name,
                     models::name(row.phase), shape.tokens, shape.hidden, shape.topk, shape.experts, shape.ranks,
                     shape.nodes, shape.nodes == 1 ? "" : "s",
                     shape.sms > 0 ? fmt::format(", {} SMs", shape.sms) : std::string());
}

}  // namespace

std::string ExchangeMeasurement::family() const {
  return fmt::format("hidden={},topk={},experts={},ranks={}", shape.hidden, shape.topk, shape.experts, shape.ranks);
}

bool is_exchange_table(const CsvTable& table) { return is_normal(table) || is_low_latency(table) || is_nvlink(table); }

ExchangeRows read_exchange_rows(const CsvTable& table, const hardware::Site& site) {
  return Reader(table, site).read();
}

ErrorReport validate_exchange(const CsvTable& table, const hardware::Site& site) {
  ExchangeRows read = read_exchange_rows(table, site);
  std::vector<PredictedRow> predicted;
  for (const ExchangeMeasurement& row : read.rows) {
    if (row.shape.ranks > row.shape.nodes * site.gpus_per_node()) {
      read.skipped.push_back({row.line, describe(row), fmt::format("a node has {} GPUs", site.gpus_per_node())});
      continue;
    }
    const bool fitted = site.gpu.find_fit(row.fit_key()) != nullptr;
    const std::string_view group = !fitted ? kUnseenFamily : (row.kept_back ? kUnseenPoint : kSeen);
    PredictedRow out{row.line, describe(row), std::string(group),
                     row.row->price(row.shape, row.phase, site).time.value(), row.measured.value()};
    out.family = fmt::format("{} {}, {} ranks on {} node{}", row.row->name, models::name(row.phase), row.shape.ranks,
                             row.shape.nodes, row.shape.nodes == 1 ? "" : "s");
    predicted.push_back(std::move(out));
  }
  return summarise(std::move(predicted), std::move(read.skipped));
}

}  // namespace orrery::calibrate

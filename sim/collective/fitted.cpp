// Measured curves of collectives on one node. See fitted.hpp.
#include "sim/collective/fitted.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "sim/collective/collectives.hpp"

namespace orrery::sim {
namespace {

constexpr std::string_view kPrefix = "nccl/";
constexpr std::array<std::pair<CollectiveKind, std::string_view>, 6> kKinds{{
    {CollectiveKind::all_reduce, "all_reduce"},
    {CollectiveKind::all_gather, "all_gather"},
    {CollectiveKind::reduce_scatter, "reduce_scatter"},
    {CollectiveKind::all_to_all, "all_to_all"},
    {CollectiveKind::broadcast, "broadcast"},
    {CollectiveKind::reduce, "reduce"},
}};

// One launch is counted twice where two curves are added: NCCL's LL base.
constexpr Seconds kLaunch{6.6e-6};

std::optional<std::pair<CollectiveKind, int>> parse_key(std::string_view key) {
  if (key.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  key.remove_prefix(kPrefix.size());
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view digits = key.substr(slash + 1);
  int ranks = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ranks);
  if (error != std::errc{} || end != digits.data() + digits.size() || ranks < 2) return std::nullopt;
  for (const auto& [kind, text] : kKinds) {
    if (text == key.substr(0, slash)) return std::make_pair(kind, ranks);
  }
  return std::nullopt;
}

Seconds model_time(const CollectiveCall& call, const hardware::Site& site) {
  const Choice choice = nccl_choice(call, site);  // what the curves measured
  return closed_form(choice, call, site, timing_constants(site, call.ranks, call.nodes)).total();
}

}  // namespace

Seconds CollectiveCurve::middle_time(Bytes bytes) const {
  if (middle.value() <= 0.0 || bytes.value() <= 0.0) return Seconds{};
  return middle * std::pow(bytes.value() / 1048576.0, exponent);
}

Seconds CollectiveCurve::wire_time(Bytes bytes) const { return bytes * bus_factor(kind, ranks) / bus; }

std::string collective_fit_key(CollectiveKind kind, int ranks) {
  for (const auto& [each, text] : kKinds) {
    if (each == kind) return std::string(kPrefix) + std::string(text) + "/" + std::to_string(ranks);
  }
  return {};
}

std::vector<CollectiveCurve> collective_curves(const hardware::Gpu& gpu) {
  std::vector<CollectiveCurve> out;
  for (const hardware::Fit& fit : gpu.fits) {
    const auto parsed = parse_key(fit.key);
    if (!parsed) continue;
    const auto base = fit.coefficient("base_s"), middle = fit.coefficient("mid_s_per_mib");
    const auto exponent = fit.coefficient("exponent"), bus = fit.coefficient("bus_bandwidth");
    if (!base || !middle || !exponent || !bus || *bus <= 0.0) continue;
    const bool scaled = fit.coefficient("link_scale").value_or(1.0) != 1.0 || !fit.of.empty();
    out.push_back({parsed->first, parsed->second, Seconds{*base}, Seconds{*middle}, *exponent, BytesPerSecond{*bus},
                   fit.key, fit.source, scaled});
  }
  std::sort(out.begin(), out.end(), [](const CollectiveCurve& a, const CollectiveCurve& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.ranks < b.ranks;
  });
  return out;
}

const CollectiveCurve* NodeCurves::find(CollectiveKind kind, int ranks) const {
  for (const CollectiveCurve& curve : curves_) {
    if (curve.kind == kind && curve.ranks == ranks) return &curve;
  }
  return nullptr;
}

std::optional<NodeCurves::Result> NodeCurves::at(CollectiveKind kind, int ranks, Bytes bytes) const {
  if (const CollectiveCurve* curve = find(kind, ranks))
    return Result{curve->time(bytes), curve, nullptr, !curve->scaled, 1.0};
  const CollectiveCurve* scatter = find(CollectiveKind::reduce_scatter, ranks);
  const CollectiveCurve* gather = find(CollectiveKind::all_gather, ranks);
  if (scatter == nullptr) scatter = gather;
  if (gather == nullptr) gather = scatter;
  if (scatter == nullptr) return std::nullopt;
  if (kind == CollectiveKind::all_gather) return Result{scatter->time(bytes), scatter, nullptr, false, 1.0};
  if (kind == CollectiveKind::reduce_scatter) return Result{gather->time(bytes), gather, nullptr, false, 1.0};
  if (kind == CollectiveKind::all_reduce) {
    const Seconds sum = scatter->time(bytes) + gather->time(bytes);
    return Result{max(sum - kLaunch, 0.5 * sum), scatter, gather, false, 1.0};
  }
  return std::nullopt;
}

std::optional<NodeCurves::Result> NodeCurves::time(const CollectiveCall& call) const {
  if (auto here = at(call.kind, call.ranks, call.bytes)) return here;
  std::optional<Result> below, above;
  int n_below = 0, n_above = 0;
  for (const CollectiveCurve& curve : curves_) {
    const int n = curve.ranks;
    const bool nearer = n < call.ranks ? n > n_below : (n_above == 0 || n < n_above);
    if (!nearer) continue;
    const auto there = at(call.kind, n, call.bytes);
    if (!there) continue;
    (n < call.ranks ? below : above) = there;
    (n < call.ranks ? n_below : n_above) = n;
  }
  if (!below && !above) return std::nullopt;
  auto ratio_at = [&](const Result& result, int n) {
    return result.time / model_time({call.kind, call.bytes, n, 1}, site_);
  };
  const double low = below ? ratio_at(*below, n_below) : 0.0, high = above ? ratio_at(*above, n_above) : 0.0;
  Result out = below ? *below : *above;
  out.own = false;
  out.ratio = below ? low : high;
  if (below && above) {
    const double place =
        std::log(static_cast<double>(call.ranks) / n_below) / std::log(static_cast<double>(n_above) / n_below);
    out.ratio = low + (high - low) * place;
    out.second = above->first;
  }
  out.time = model_time(call, site_) * out.ratio;
  return out;
}

std::optional<BytesPerSecond> NodeCurves::bus_bandwidth(CollectiveKind kind, int ranks) const {
  const CollectiveCurve* nearest = nullptr;
  for (const CollectiveCurve& curve : curves_) {
    if (curve.kind != kind) continue;
    // The largest measured group not above `ranks`, else the smallest above.
    if (nearest == nullptr || curve.ranks <= ranks) nearest = &curve;
  }
  if (nearest == nullptr) return std::nullopt;
  return nearest->bus;
}

}  // namespace orrery::sim

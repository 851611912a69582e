// All_reduce kernels of serving engines. See custom.hpp.
#include "sim/collective/custom.hpp"

#include <array>
#include <charconv>

namespace orrery::sim {
namespace {

using kernels::Implementation;

constexpr std::string_view kPrefix = "custom_allreduce/";
constexpr std::string_view kEager = "_eager", kGraph = "_graph";
// An engine that isn't named gets the first of these that the profile has.
constexpr std::array<Implementation, 3> kLibraries = {Implementation::vllm, Implementation::sglang,
                                                      Implementation::trtllm};

/// By CustomCurve::Form.
struct FormText {
  const char* algorithm;
  const char* latency;
  const char* wire;
};
constexpr std::array<FormText, 3> kForms{{{"custom one-shot", "L1", "S (n - 1) / B1"},
                                          {"custom two-shot", "L2", "S 2 (n - 1) / n / B2"},
                                          {"symmetric memory", "L3", "S 2 (n - 1) / n / B3"}}};

struct Key {
  Implementation library = Implementation::automatic;
  bool eager = false;
  int ranks = 0;
};

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (text.size() < suffix.size() || text.substr(text.size() - suffix.size()) != suffix) return false;
  text.remove_suffix(suffix.size());
  return true;
}

std::optional<Key> parse_key(std::string_view text) {
  if (text.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  std::string_view library = text.substr(0, slash);
  const std::string_view digits = text.substr(slash + 1);
  Key key;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), key.ranks);
  if (error != std::errc{} || end != digits.data() + digits.size() || key.ranks < 2) return std::nullopt;
  key.eager = take_suffix(library, kEager);
  if (!key.eager && !take_suffix(library, kGraph)) return std::nullopt;
  const auto parsed = kernels::parse_implementation(library);
  if (!parsed) return std::nullopt;
  key.library = *parsed;
  return key;
}

// CustomAllreduce._SUPPORTED_WORLD_SIZES; the kernels of 6 ranks follow the rules of 8.
int fitted_ranks(int ranks) {
  switch (ranks) {
    case 2:
    case 4:
    case 8:
      return ranks;
    case 6:
      return 8;
    default:
      return 0;
  }
}

// vLLM hands a message whose buffers are NCCL's windows to NCCL before it asks its own kernels
// (should_nccl_symm_mem_allreduce).
bool prefers_symmetric(const CollectiveCall& call) {
  constexpr double kSmall = 16384.0, kLargeOf4 = 524288.0, kLargeOf8 = 131072.0;
  const double bytes = call.bytes.value();
  if (call.ranks < 4) return false;
  return bytes <= kSmall || bytes >= (call.ranks < 8 ? kLargeOf4 : kLargeOf8);
}

}  // namespace

CustomCurve::Form CustomCurve::form(Bytes bytes) const {
  if (symmetric_bandwidth.value() > 0.0 && !(bytes < symmetric_bytes)) return Form::symmetric;
  if (two_shot_bandwidth.value() > 0.0 && !(bytes < switch_bytes)) return Form::two_shot;
  return Form::one_shot;
}

Seconds CustomCurve::latency(Bytes bytes) const {
  const Form form = this->form(bytes);
  return form == Form::symmetric ? symmetric : form == Form::two_shot ? two_shot : one_shot;
}

Seconds CustomCurve::wire_time(Bytes bytes, int n) const {
  const Form form = this->form(bytes);
  if (form == Form::one_shot) return bytes * static_cast<double>(n - 1) / one_shot_bandwidth;
  const BytesPerSecond bandwidth = form == Form::symmetric ? symmetric_bandwidth : two_shot_bandwidth;
  return bytes * bus_factor(CollectiveKind::all_reduce, n) / bandwidth;
}

std::string custom_fit_key(Implementation library, bool eager, int ranks) {
  return std::string(kPrefix) + std::string(kernels::name(library)) + std::string(eager ? kEager : kGraph) + "/" +
         std::to_string(ranks);
}

std::optional<CustomCurve> custom_curve(const hardware::Fit& fit) {
  const auto key = parse_key(fit.key);
  if (!key || key->eager) return std::nullopt;
  const auto latency = fit.coefficient("one_shot_s"), bandwidth = fit.coefficient("one_shot_bandwidth");
  const auto limit = fit.coefficient("limit_bytes");
  if (!latency || !bandwidth || !limit || *bandwidth <= 0.0) return std::nullopt;
  CustomCurve out;
  out.library = key->library, out.ranks = key->ranks;
  out.one_shot = Seconds{*latency}, out.one_shot_bandwidth = BytesPerSecond{*bandwidth};
  out.two_shot = Seconds{fit.coefficient("two_shot_s").value_or(0.0)};
  out.two_shot_bandwidth = BytesPerSecond{fit.coefficient("two_shot_bandwidth").value_or(0.0)};
  out.switch_bytes = Bytes{fit.coefficient("switch_bytes").value_or(0.0)};
  out.symmetric = Seconds{fit.coefficient("symmetric_s").value_or(0.0)};
  out.symmetric_bandwidth = BytesPerSecond{fit.coefficient("symmetric_bandwidth").value_or(0.0)};
  out.symmetric_bytes = Bytes{fit.coefficient("symmetric_bytes").value_or(0.0)};
  out.limit = Bytes{*limit};
  out.key = fit.key, out.source = fit.source;
  out.scaled = fit.coefficient("link_scale").value_or(1.0) != 1.0 || !fit.of.empty();
  return out;
}

std::optional<EagerLaunch> eager_launch(const hardware::Fit& fit) {
  const auto key = parse_key(fit.key);
  const auto host = fit.coefficient("host_s");
  if (!key || !key->eager || !host) return std::nullopt;
  const double copy = fit.coefficient("copy_s").value_or(0.0), slope = fit.coefficient("copy_s_per_mib").value_or(0.0);
  return EagerLaunch{key->library, key->ranks, Seconds{*host}, Seconds{copy}, Seconds{slope}, fit.key, fit.source};
}

Seconds EagerLaunch::time(Bytes bytes, Seconds graph) const {
  return max(host, graph + copy + copy_per_mib * (bytes.value() / 1048576.0));
}

CustomCurves::CustomCurves(const hardware::Site& site) : site_(site) {
  for (const hardware::Fit& fit : site.gpu.fits) {
    if (const auto curve = custom_curve(fit)) curves_.push_back(*curve);
    if (const auto launch = eager_launch(fit)) launches_.push_back(*launch);
  }
}

CustomCurves::Match CustomCurves::find(const CollectiveCall& call) const {
  const bool all_to_all_links = site_.node.nvswitch && site_.gpu.nvlink_bandwidth.value() > 0.0;
  if (call.library == CollectiveLibrary::nccl || call.kind != CollectiveKind::all_reduce || call.nodes != 1) return {};
  const int ranks = fitted_ranks(call.ranks);
  if (ranks == 0 || !all_to_all_links) return {};
  if (site_.nccl.symmetric && prefers_symmetric(call)) return {};
  for (const Implementation library : kLibraries) {
    if (call.implementation != Implementation::automatic && call.implementation != library) continue;
    for (const CustomCurve& curve : curves_) {
      if (curve.library != library || curve.ranks != ranks) continue;
      if (call.bytes > curve.limit) return {};
      Match match{&curve, nullptr};
      for (const EagerLaunch& launch : launches_) {
        if (launch.library == library && launch.ranks == ranks) match.eager = &launch;
      }
      return match;
    }
  }
  return {};
}

Seconds CustomCurves::eager_time(Bytes bytes, Seconds graph, const EagerLaunch* eager) const {
  return eager != nullptr ? eager->time(bytes, graph) : graph + site_.gpu.kernel_launch;
}

std::optional<Seconds> CustomCurves::time(const CollectiveCall& call) const {
  const Match match = find(call);
  if (match.curve == nullptr) return std::nullopt;
  const Seconds graph = match.curve->time(call.bytes, call.ranks);
  return call.library == CollectiveLibrary::custom_eager ? eager_time(call.bytes, graph, match.eager) : graph;
}

std::optional<CollectiveEstimate> CustomCurves::explain(const CollectiveCall& call) const {
  const Match match = find(call);
  if (match.curve == nullptr) return std::nullopt;
  const CustomCurve& curve = *match.curve;
  const std::string source(curve.source);
  const FormText& text = kForms[static_cast<std::size_t>(curve.form(call.bytes))];
  CollectiveEstimate out;
  out.time = curve.time(call.bytes, call.ranks);
  out.algorithm = text.algorithm;
  out.fit_key = std::string(curve.key);
  bool own = curve.ranks == call.ranks && !curve.scaled;
  out.terms.push_back({"kernel", curve.latency(call.bytes), text.latency, source});
  out.terms.push_back({"wire", curve.wire_time(call.bytes, call.ranks), text.wire, source});
  if (call.library == CollectiveLibrary::custom_eager) {
    const Seconds eager = eager_time(call.bytes, out.time, match.eager);
    const bool fitted = match.eager != nullptr;
    out.terms.push_back({"launch", eager - out.time, fitted ? "up to max(H, graph + C + S c)" : "kernel_launch",
                         fitted ? std::string(match.eager->source) : "kernel_launch of the GPU's profile"});
    if (fitted) out.fit_key += " + " + std::string(match.eager->key);
    own = own && fitted;
    out.time = eager;
  }
  out.provenance = own ? kernels::Provenance::measured : kernels::Provenance::published;
  if (!own) out.extrapolated = "its fit is of other ranks, another link or another launch";
  return out;
}

}  // namespace orrery::sim

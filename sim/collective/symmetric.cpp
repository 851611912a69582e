#include "sim/collective/symmetric.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "sim/collective/counts.hpp"

namespace orrery::sim {
namespace {

constexpr std::string_view kLl = "symmetric_ll", kDirect = "symmetric", kMulticast = "symmetric_multicast";
constexpr std::string_view kSource = "NVIDIA/nccl 2.30.7 src/sym_kernels.cc (ncclSymkPickKernel, queryModel_lsa)";

constexpr double kMicro = 1e-6;
constexpr int kMostBlocks = 64;       // ncclSymkMaxBlocks
constexpr double kLlBusFactor = 9.0;  // twice the bytes, and what flags and loops cost beside
constexpr double kLlMulticast = 1.1;  // of LL through the switch, "to beat non-MC LL"
constexpr double kMulticastReach = 0.55;
constexpr double kGibPerMicro = 1073741824.0 / 1e6;                  // GiB/s in bytes per microsecond
constexpr double kLlLimit = 2147483648.0, kLimit = 32.0 * kLlLimit;  // 32-bit counters of elements and of chunks
constexpr double kCell = 1024.0;                                     // a call's bytes are counted in cells

bool is_all_reduce(const CollectiveCall& call) { return call.kind == CollectiveKind::all_reduce; }

/// Of what one rank gives: the whole buffer of a sum for all, else its part.
double part_bytes(const CollectiveCall& call) {
  const double part = is_all_reduce(call) ? call.bytes.value() : call.bytes.value() / call.ranks;
  return std::ceil(part / kCell) * kCell;
}

double softplus(double x) { return x >= 100.0 ? x : std::log1p(std::exp(x)); }

double softmin(double x, double ceiling, double softness) {
  return ceiling - softness * std::log1p((std::exp(ceiling / softness) - 1.0) * std::exp(-x / softness));
}

/// NCCL's coefficients of one kernel for one call, in microseconds and bytes per microsecond.
struct Model {
  double base = 0.0, bytes = 0.0, multiple = 1.0, rate = 0.0, peak = 0.0;
  int most_blocks = 1;

  [[nodiscard]] double time(int blocks) const {
    return base + softplus(bytes / softmin(blocks * rate * multiple, peak, rate) - 1.0);
  }
};

bool has_multicast(const CollectiveCall& call, const hardware::Site& site) {
  return site.node.in_network_reduction && site.nccl.nvls && call.ranks > 2;
}

Model model_of(std::string_view kernel, const CollectiveCall& call, const hardware::Site& site) {
  const bool blackwell = site.gpu.generation.compute_capability >= 100;
  const bool ll = kernel == kLl, multicast = kernel == kMulticast, sums_for_all = is_all_reduce(call);
  const double n = call.ranks, part = part_bytes(call);
  Model m;
  m.most_blocks = multicast ? ((blackwell ? 32 : 16) + call.ranks - 1) / call.ranks : kMostBlocks;
  const hardware::NcclSettings& told = site.nccl;
  if (told.max_ctas > 0) m.most_blocks = std::min(m.most_blocks, told.max_ctas);
  m.bytes = (n - 1.0) * part;
  if (sums_for_all) m.bytes = multicast ? part / n + part : 2.0 * part * (n - 1.0) / n;
  if (multicast) m.multiple = sums_for_all ? n : kMulticastReach * n;
  if (ll) {
    m.bytes = kLlBusFactor * n * part;
    const bool by_switch = call.kind != CollectiveKind::reduce_scatter && has_multicast(call, site);
    m.multiple = by_switch ? kLlMulticast : 1.0;
  }
  if (blackwell) {
    const bool gathers = call.kind == CollectiveKind::all_gather;
    m.base = ll ? (gathers ? 8.5 : 11.0) : (sums_for_all ? 19.5 : 13.0);
    m.rate = 55.0 * kGibPerMicro;
    m.peak = (multicast && sums_for_all ? 1000.0 : 600.0) * kGibPerMicro;
  } else {
    m.base = ll ? 4.5 : 7.8;
    m.rate = (sums_for_all ? 65.0 : 44.0) * kGibPerMicro;
    m.peak = (multicast && sums_for_all ? 480.0 : 320.0) * kGibPerMicro;
  }
  return m;
}

int blocks_of(const Model& model, const hardware::NcclSettings& told) {
  constexpr double kNear = 1.025;
  const double best = model.time(model.most_blocks);
  for (int blocks = std::max(1, told.min_ctas); blocks < model.most_blocks; ++blocks) {
    if (model.time(blocks) <= kNear * best) return blocks;
  }
  return model.most_blocks;
}

/// ncclSymkImplemented and ncclSymkMask, of sums.
bool has_type(const CollectiveCall& call) {
  if (call.kind == CollectiveKind::all_gather) return true;
  if (!is_all_reduce(call) && call.kind != CollectiveKind::reduce_scatter) return false;
  return call.dtype == Dtype::fp32 || call.dtype == Dtype::bf16 || call.dtype == Dtype::fp16 ||
         call.dtype == Dtype::fp8;
}

bool supports(const CollectiveCall& call, const hardware::Site& site) {
  const bool all_linked = site.has_nvlink() && site.node.nvlink_mesh.empty() && !site.is_torus();
  return call.nodes <= 1 && all_linked && call.capability == 0 && has_type(call) && call.bytes.value() < kLimit;
}

bool ll_supports(const CollectiveCall& call, const hardware::Site& site) {
  return supports(call, site) && call.bytes.value() < kLlLimit && call.operations == 1;
}

bool multicast_supports(const CollectiveCall& call, const hardware::Site& site) {
  const bool adds_fp8 = call.dtype == Dtype::fp8 && sums(call.kind);
  return supports(call, site) && has_multicast(call, site) &&
         (!adds_fp8 || site.gpu.generation.compute_capability >= 100);
}

// Of what a rank sends and hears, the larger. LL doubles each word with a flag.
LinkLoad direct_load(const CollectiveCall& call) { return {call.bytes * bus_factor(call.kind, call.ranks), {}}; }

LinkLoad ll_load(const CollectiveCall& call) {
  const double n = call.ranks;
  return {call.bytes * (is_all_reduce(call) ? 2.0 * (n - 1.0) : 2.0 * (n - 1.0) / n), {}};
}

// The switch asks all ranks for what it adds and hands all what it copies, the one that issued it among them.
LinkLoad multicast_load(const CollectiveCall& call) {
  return {is_all_reduce(call) ? call.bytes * (1.0 + 1.0 / call.ranks) : call.bytes, {}, part_of(call.kind, call.ranks)};
}

CollectiveCost cost_of(std::string_view kernel, const CollectiveCall& call, const hardware::Site& site,
                       const LinkLoad& load) {
  const Model model = model_of(kernel, call, site);
  const BytesPerSecond link = site.gpu.nvlink_bandwidth * site.gpu.generation.link_efficiency;
  const Seconds wire = max(Seconds{(model.time(model.most_blocks) - model.base) * kMicro}, load.node / link);
  return {Seconds{model.base * kMicro}, Seconds{}, wire, kernel == kLl ? "LL" : "Simple"};
}

CollectiveCost ll_time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants&) {
  return cost_of(kLl, call, site, ll_load(call));
}

CollectiveCost direct_time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants&) {
  return cost_of(kDirect, call, site, direct_load(call));
}

CollectiveCost multicast_time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants&) {
  return cost_of(kMulticast, call, site, multicast_load(call));
}

/// Everyone to everyone at once, `each` to each; `after` in every message.
void append_exchange(int ranks, Bytes each, const std::vector<std::uint32_t>& after, std::vector<Transfer>& out) {
  for (int source = 0; source < ranks; ++source) {
    for (int apart = 1; apart < ranks; ++apart) out.push_back({source, (source + apart) % ranks, each, after});
  }
}

std::vector<Transfer> ll_transfers(const CollectiveCall& call) {
  const double n = call.ranks;
  std::vector<Transfer> out;
  append_exchange(call.ranks, call.bytes * (is_all_reduce(call) ? 2.0 : 2.0 / n), {}, out);
  return out;
}

// A rank stores its sum when it has heard all parts of it.
std::vector<Transfer> direct_transfers(const CollectiveCall& call) {
  const Bytes part = call.bytes / static_cast<double>(call.ranks);
  std::vector<Transfer> out;
  append_exchange(call.ranks, part, {}, out);
  if (!is_all_reduce(call)) return out;
  const std::vector<Transfer> loads = out;
  for (int owner = 0; owner < call.ranks; ++owner) {
    std::vector<std::uint32_t> heard;
    for (std::size_t i = 0; i < loads.size(); ++i) {
      if (loads[i].destination == owner) heard.push_back(static_cast<std::uint32_t>(i));
    }
    for (int apart = 1; apart < call.ranks; ++apart) out.push_back({owner, (owner + apart) % call.ranks, part, heard});
  }
  return out;
}

// The sums of its parts come to each rank, which then stores its own to all.
std::vector<Transfer> multicast_transfers(const CollectiveCall& call) {
  if (!is_all_reduce(call)) return nvls_row().transfers(call);
  std::vector<Transfer> out = nvls_row().transfers({CollectiveKind::reduce_scatter, call.bytes, call.ranks, 1});
  const auto sums = static_cast<std::uint32_t>(call.ranks);
  std::vector<std::uint32_t> stores;
  for (int r = 0; r < call.ranks; ++r) {
    stores.push_back(static_cast<std::uint32_t>(out.size()));
    out.push_back(
        {r, call.ranks, call.bytes / static_cast<double>(call.ranks), {sums + static_cast<std::uint32_t>(r)}});
  }
  for (int r = 0; r < call.ranks; ++r) out.push_back({call.ranks, r, call.bytes, stores});
  return out;
}

double no_hops(const CollectiveCall&, const hardware::Site&) { return 0.0; }

int direct_additions(const CollectiveCall& call) { return call.ranks - 1; }
int switch_additions(const CollectiveCall& call) { return ceil_log2(call.ranks); }

}  // namespace

LibraryRow symmetric_ll_row() {
  return {{kLl, "t = base + softplus(9 n B / bw - 1 us), B of a rank; both buffers are windows, one NVLink domain",
           kSource, std::nullopt, ll_supports, ll_time, ll_load, ll_transfers, no_hops},
          direct_additions};
}

LibraryRow symmetric_row() {
  return {
      {kDirect, "t = base + softplus(S f / bw - 1 us), bw = softmin(blocks rate, peak); no less than S f / node bus",
       kSource, std::nullopt, supports, direct_time, direct_load, direct_transfers, no_hops},
      direct_additions};
}

LibraryRow symmetric_multicast_row() {
  return {{kMulticast, "t = base + softplus((S + S/n) / bw - 1 us) in the switch, bw = softmin(blocks rate n, peak)",
           kSource, std::nullopt, multicast_supports, multicast_time, multicast_load, multicast_transfers, no_hops},
          switch_additions};
}

bool is_symmetric(const CollectiveRow& row) { return row.name == kLl || row.name == kDirect || row.name == kMulticast; }

SymmetricKernel symmetric_kernel(const CollectiveRow& row, const CollectiveCall& call, const hardware::Site& site) {
  const Model model = model_of(row.name, call, site);
  const int blocks = blocks_of(model, site.nccl);
  return {&row, blocks, Seconds{model.time(blocks) * kMicro}};
}

std::optional<SymmetricKernel> symmetric_kernel(const CollectiveCall& call, const hardware::Site& site) {
  constexpr double kBlockPrice = 0.025;
  std::optional<SymmetricKernel> best;
  const auto price = [](const SymmetricKernel& kernel) { return kernel.time * (1.0 + kBlockPrice * kernel.blocks); };
  for (const CollectiveRow& row : collective_algorithms()) {
    if (!is_symmetric(row) || !row.supports(call, site)) continue;
    const SymmetricKernel kernel = symmetric_kernel(row, call, site);
    if (!best || price(kernel) < price(*best)) best = kernel;
  }
  return best;
}

}  // namespace orrery::sim

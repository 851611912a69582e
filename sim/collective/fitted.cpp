// Measured laws of collectives on one node. See fitted.hpp.
#include "sim/collective/fitted.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "hardware/catalogue/sister_fits.hpp"
#include "sim/collective/libraries.hpp"

namespace orrery::sim {
namespace {

using hardware::Fit;
using hardware::NcclProtocol;

constexpr std::string_view kPrefix = "nccl/";
constexpr std::array<std::pair<CollectiveKind, std::string_view>, 6> kKinds{{
    {CollectiveKind::all_reduce, "all_reduce"},
    {CollectiveKind::all_gather, "all_gather"},
    {CollectiveKind::reduce_scatter, "reduce_scatter"},
    {CollectiveKind::all_to_all, "all_to_all"},
    {CollectiveKind::broadcast, "broadcast"},
    {CollectiveKind::reduce, "reduce"},
}};
constexpr double kFullBlock = 4096.0;  // bytes: 512 threads of 8

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

bool is_scaled(const Fit& fit) { return fit.coefficient("link_scale").value_or(1.0) != 1.0 || !fit.of.empty(); }

std::string protocol_word(NcclProtocol protocol) {
  std::string word(hardware::name(protocol));
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return word;
}

std::size_t place(const CollectiveRow& row, NcclProtocol protocol) {
  const auto index = static_cast<std::size_t>(&row - collective_algorithms().data());
  return index * hardware::kNcclProtocols + static_cast<std::size_t>(protocol);
}

std::string coefficient_name(std::string_view name, std::string_view what) {
  return std::string(name) + "_" + std::string(what);
}

/// Every law that `read` finds in the fit, by place().
template <typename Law, typename Read>
std::vector<std::optional<Law>> all_laws(const Fit& fit, Read read) {
  std::vector<std::optional<Law>> laws(collective_algorithms().size() * hardware::kNcclProtocols);
  for (const CollectiveRow& row : collective_algorithms()) {
    if (other_library(row) != nullptr) continue;
    for (std::size_t p = 0; p < hardware::kNcclProtocols; ++p) {
      const Choice choice{&row, static_cast<NcclProtocol>(p), 1, 0};
      laws[place(row, choice.protocol)] = read(fit, law_name(choice));
    }
  }
  return laws;
}

}  // namespace

Seconds ProtocolLaw::block_time(Bytes bytes, int ranks) const {
  const double y = bytes.value() / (kFullBlock * ranks);
  return blocks * (y * y / (1.0 + y * y));
}

Seconds ProtocolLaw::ramp_time(Seconds wire) const {
  if (!(ramp_scale.value() > 0.0)) return Seconds{};
  const double x = wire / ramp_scale;
  return ramp * (x / (1.0 + x));
}

Seconds ProtocolLaw::time(CollectiveKind kind, Bytes bytes, int ranks) const {
  const Seconds wire = wire_time(kind, bytes, ranks);
  return base + block_time(bytes, ranks) + wire + ramp_time(wire);
}

ProtocolLaw ProtocolLaw::of(CollectiveKind kind, Dtype dtype) const {
  ProtocolLaw law = *this;
  if (sums_bytes(kind, dtype)) law.bus = bus / (1.0 + narrow);
  return law;
}

ProtocolLaw NodeLaw::at(CollectiveKind kind, int ranks) const {
  ProtocolLaw law;
  law.base = launch + static_cast<double>(law_steps(kind, ranks)) * hop;
  law.blocks = blocks * std::log2(static_cast<double>(ranks));
  law.ramp_scale = ramp_scale;
  law.ramp = ramp_share * min(law.base, ramp_scale);
  law.bus = bus * std::pow(static_cast<double>(std::min(ranks, kSwitchRanks)) / kSwitchRanks, bus_exponent);
  law.narrow = narrow;
  return law;
}

bool sums_bytes(CollectiveKind kind, Dtype dtype) {
  // Scales (fp8_block) travel beside the elements.
  return sums(kind) && element_size(dtype).value() < 1.5;
}

int law_steps(CollectiveKind kind, int ranks) {
  return kind == CollectiveKind::all_reduce ? 2 * (ranks - 1) : ranks - 1;
}

std::string law_name(const Choice& choice) {
  return std::string(choice.row->name) + "_" + protocol_word(choice.protocol);
}

std::string collective_fit_key(CollectiveKind kind, int ranks) {
  for (const auto& [each, text] : kKinds) {
    if (each == kind) return std::string(kPrefix) + std::string(text) + "/" + std::to_string(ranks);
  }
  return {};
}

void add_law(const ProtocolLaw& law, std::string_view name, Fit& fit) {
  fit.coefficients.emplace_back(coefficient_name(name, "base_s"), law.base.value());
  fit.coefficients.emplace_back(coefficient_name(name, "blocks_s"), law.blocks.value());
  fit.coefficients.emplace_back(coefficient_name(name, "ramp_s"), law.ramp.value());
  fit.coefficients.emplace_back(coefficient_name(name, "ramp_scale_s"), law.ramp_scale.value());
  fit.coefficients.emplace_back(coefficient_name(name, "bus_bandwidth"), law.bus.value());
  fit.coefficients.emplace_back(coefficient_name(name, "narrow"), law.narrow);
}

void add_law(const NodeLaw& law, std::string_view name, Fit& fit) {
  fit.coefficients.emplace_back(coefficient_name(name, "launch_s"), law.launch.value());
  fit.coefficients.emplace_back(coefficient_name(name, "hop_s"), law.hop.value());
  fit.coefficients.emplace_back(coefficient_name(name, "blocks_s"), law.blocks.value());
  fit.coefficients.emplace_back(coefficient_name(name, "ramp_share"), law.ramp_share);
  fit.coefficients.emplace_back(coefficient_name(name, "ramp_scale_s"), law.ramp_scale.value());
  fit.coefficients.emplace_back(coefficient_name(name, "bus_bandwidth"), law.bus.value());
  fit.coefficients.emplace_back(coefficient_name(name, "bus_exponent"), law.bus_exponent);
  fit.coefficients.emplace_back(coefficient_name(name, "narrow"), law.narrow);
}

std::optional<ProtocolLaw> protocol_law(const Fit& fit, std::string_view name) {
  const auto of = [&](std::string_view what) { return fit.coefficient(coefficient_name(name, what)); };
  const auto base = of("base_s"), blocks = of("blocks_s"), ramp = of("ramp_s"), scale = of("ramp_scale_s");
  const auto bus = of("bus_bandwidth");
  if (!base || !blocks || !ramp || !scale || !bus || *bus <= 0.0) return std::nullopt;
  return ProtocolLaw{Seconds{*base},  Seconds{*blocks},     Seconds{*ramp},
                     Seconds{*scale}, BytesPerSecond{*bus}, of("narrow").value_or(0.0)};
}

std::optional<NodeLaw> node_law(const Fit& fit, std::string_view name) {
  const auto of = [&](std::string_view what) { return fit.coefficient(coefficient_name(name, what)); };
  const auto launch = of("launch_s"), hop = of("hop_s"), blocks = of("blocks_s"), scale = of("ramp_scale_s");
  const auto share = of("ramp_share"), bus = of("bus_bandwidth"), exponent = of("bus_exponent");
  if (!launch || !hop || !blocks || !scale || !share || !bus || !exponent || *bus <= 0.0) return std::nullopt;
  return NodeLaw{Seconds{*launch}, Seconds{*hop},        Seconds{*blocks}, Seconds{*scale},
                 *share,           BytesPerSecond{*bus}, *exponent,        of("narrow").value_or(0.0)};
}

NodeLaws::NodeLaws(const hardware::Site& site) : site_(site) {
  for (const Fit& fit : site.gpu.fits) {
    if (fit.key == kNodeLawKey) nodes_.insert(nodes_.begin(), {all_laws<NodeLaw>(fit, node_law), &fit});
    if (fit.key == hardware::kSisterNodeLaw) nodes_.push_back({all_laws<NodeLaw>(fit, node_law), &fit});
    const auto parsed = parse_key(fit.key);
    if (!parsed) continue;
    families_.push_back(
        {parsed->first, parsed->second, all_laws<ProtocolLaw>(fit, protocol_law), &fit, is_scaled(fit)});
  }
  std::sort(families_.begin(), families_.end(),
            [](const Family& a, const Family& b) { return a.kind != b.kind ? a.kind < b.kind : a.ranks < b.ranks; });
}

// B that takes as long as the line rate of a rank's links needs for the bytes of the algorithm (in the switch, more
// than f S of a gather; in LL with a flag of 4 B to each 4 B), and no more than a collective on one node can have.
BytesPerSecond NodeLaws::most(const Choice& choice, CollectiveKind kind, int ranks) const {
  const CollectiveCall call{kind, Bytes{1.0}, ranks, 1};
  const double on_the_link = choice.row->load(call).node.value(), counted = bus_factor(kind, ranks);
  const double payload = choice.protocol == NcclProtocol::ll ? 0.5 : 1.0;
  BytesPerSecond most = node_bus_limit(site_.gpu, kind, ranks);
  if (on_the_link > 0.0) most = min(most, site_.node_bandwidth_per_gpu() * (payload * counted / on_the_link));
  return most;
}

std::optional<NodeLaws::Known> NodeLaws::find(const Choice& choice, CollectiveKind kind, int ranks, Dtype dtype) const {
  const std::size_t at = place(*choice.row, choice.protocol);
  for (const Family& family : families_) {
    if (family.kind != kind || family.ranks != ranks || !family.laws[at]) continue;
    return Known{family.laws[at]->of(kind, dtype), family.fit->key, family.fit->source, !family.scaled};
  }
  const Node* node = node_with(at);
  if (node == nullptr) return std::nullopt;
  // The switch adds what all send at once: what it takes was seen on full boards and doesn't grow with the ranks.
  const bool in_switch = choice.row->nccl == hardware::NcclAlgorithm::nvls;
  const int seen = in_switch ? std::min(ranks, kSwitchRanks) : ranks;
  Known known{node->laws[at]->at(kind, seen), node->fit->key, node->fit->source, false};
  known.law.bus = min(known.law.bus, most(choice, kind, ranks));
  known.law = known.law.of(kind, dtype);
  return known;
}

const NodeLaws::Node* NodeLaws::node_with(std::size_t place) const {
  for (const Node& node : nodes_) {
    if (node.laws[place]) return &node;
  }
  return nullptr;
}

std::optional<BytesPerSecond> NodeLaws::bus_bandwidth(std::optional<hardware::NcclAlgorithm> algorithm,
                                                      CollectiveKind kind, int ranks) const {
  for (const CollectiveRow& row : collective_algorithms()) {
    if (row.nccl != algorithm) continue;
    const std::size_t at = place(row, NcclProtocol::simple);
    const Family* nearest = nullptr;
    for (const Family& family : families_) {
      if (family.kind != kind || !family.laws[at]) continue;
      if (nearest == nullptr || family.ranks <= ranks) nearest = &family;
    }
    if (nearest != nullptr) return nearest->laws[at]->bus;
    if (const Node* node = node_with(at)) {
      return min(node->laws[at]->at(kind, ranks).bus, most({&row, NcclProtocol::simple}, kind, ranks));
    }
  }
  return std::nullopt;
}

}  // namespace orrery::sim

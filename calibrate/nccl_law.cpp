#include "calibrate/nccl_law.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "calibrate/least_squares.hpp"
#include "sim/collective/constants.hpp"
#include "sim/collective/nccl/constants.hpp"

namespace orrery::calibrate {
namespace {

using hardware::NcclProtocol;
using sim::NodeLaw;
using sim::ProtocolLaw;

constexpr int kIterations = 200;
// What a sum of bytes loses before any was seen, and how far from that a platform is expected to be.
constexpr double kNarrow = 0.05;

/// A variable of a fit: where it starts, and how far from there one standard deviation is. 0: it is held.
struct Variable {
  double start = 0.0, deviation = 0.0;
};

// Least squares over the variables that are not held, each drawn to its start.
template <std::size_t N, typename Errors>
std::array<double, N> fit(const std::array<Variable, N>& variables, const Errors& errors) {
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < N; ++i) {
    if (variables[i].deviation > 0.0) free.push_back(i);
  }
  const auto values = [&](const std::vector<double>& z) {
    std::array<double, N> out{};
    for (std::size_t i = 0; i < N; ++i) out[i] = variables[i].start;
    for (std::size_t i = 0; i < free.size(); ++i) {
      out[free[i]] += variables[free[i]].deviation * z[i];
    }
    return out;
  };
  const Residuals residuals = [&](const std::vector<double>& z) {
    std::vector<double> r = errors(values(z));
    for (double& error : r) error /= kNoise;
    r.insert(r.end(), z.begin(), z.end());
    return r;
  };
  std::vector<double> z(free.size(), 0.0);
  for (const double width : {10.0, 3.0, 1.0}) z = minimise(residuals, z, width, kIterations);
  return values(z);
}

std::vector<double> errors_of(const std::vector<const LawRow*>& rows, const auto& law_of) {
  std::vector<double> out;
  out.reserve(rows.size());
  for (const LawRow* row : rows) {
    const ProtocolLaw law = law_of(*row).of(row->kind, row->dtype);
    out.push_back(std::log(law.time(row->kind, row->bytes, row->ranks) / row->measured));
  }
  return out;
}

double bus_limit(const LawRow& row, const hardware::Site& site) {
  return sim::node_bus_limit(site.gpu, row.kind, row.ranks).value();
}

// Only LL is slow enough at the start of its blocks to tell one from many: the others start with all.
bool has_blocks(const sim::Choice& choice) { return choice.row->nccl && choice.protocol == NcclProtocol::ll; }

// The switch adds at one rate whatever the number of ranks. Two GPUs on one reach 70 to 90 % of what eight do.
bool has_exponent(const sim::Choice& choice) { return choice.row->nccl != hardware::NcclAlgorithm::nvls; }

// e / min(a, s) of a variable that may be anything, with a slope everywhere, and back.
double ramp_share(double v) { return 0.95 * (v < 0.0 ? std::tanh(v) : v); }
double ramp_variable(double share) {
  const double v = share / 0.95;
  return v < 0.0 ? std::atanh(std::max(v, -0.999)) : v;
}

bool any_sums_bytes(const std::vector<const LawRow*>& rows) {
  return std::any_of(rows.begin(), rows.end(),
                     [](const LawRow* row) { return sim::sums_bytes(row->kind, row->dtype); });
}

// Where the fit of a node's law starts: NCCL's constants, and what boards of the generation sustain.
NodeLaw prior(const sim::Choice& choice, const hardware::Site& site) {
  constexpr double kMicro = 1e-6;
  const sim::nccl::Constants& nccl = sim::nccl::constants(site.nccl.version);
  const sim::CollectiveConstants sustained = sim::timing_constants(site, sim::kSwitchRanks, 1);
  const auto algorithm = static_cast<std::size_t>(choice.row->nccl.value_or(hardware::NcclAlgorithm::ring));
  const auto protocol = static_cast<std::size_t>(choice.protocol);
  const auto hop = static_cast<std::size_t>(sustained.nvlink ? sim::nccl::Hop::nvlink : sim::nccl::Hop::pcie);
  NodeLaw law;
  law.launch = Seconds{nccl.base_us[algorithm][protocol] * kMicro};
  law.hop = Seconds{nccl.hop_us[hop][algorithm][protocol] * kMicro};
  law.bus = sustained.node_bus;
  if (choice.protocol == NcclProtocol::ll) law.bus = min(0.5 * sustained.node_bus, sustained.ll_node_limit);
  if (choice.protocol == NcclProtocol::ll128) law.bus = 0.92 * sustained.node_bus;
  if (choice.row->nccl == hardware::NcclAlgorithm::nvls) {
    // One latency whatever the number of ranks.
    law = {law.hop, Seconds{0.5e-6}, {}, {}, 0.0, sustained.nvls_bus, 0.0};
  }
  law.ramp_scale = Seconds{20e-6};
  law.blocks = has_blocks(choice) ? Seconds{1.5e-6} : Seconds{};
  return law;
}

NodeLaw fit_node_law(const std::vector<const LawRow*>& rows, const hardware::Site& site) {
  const sim::Choice& choice = rows.front()->choice;
  const NodeLaw start = prior(choice, site);
  double limit = 0.0;
  for (const LawRow* row : rows) limit = std::max(limit, bus_limit(*row, site));
  const double exponent_deviation = has_exponent(choice) ? 0.3 : 0.0;
  const std::array<Variable, 8> variables{
      {{std::log(start.launch.value()), 0.5},
       {std::log(start.hop.value()), 0.5},
       {std::log(std::min(start.bus.value(), limit)), 0.3},
       {0.0, 0.5},
       {std::log(start.ramp_scale.value()), 1.0},
       {std::log(std::max(start.blocks.value(), 1e-12)), has_blocks(choice) ? 1.0 : 0.0},
       {0.0, exponent_deviation},
       {any_sums_bytes(rows) ? kNarrow : 0.0, any_sums_bytes(rows) ? kNarrow : 0.0}}};
  const auto law_of = [&](const std::array<double, 8>& v) {
    NodeLaw law;
    law.launch = Seconds{std::exp(v[0])};
    law.hop = Seconds{std::exp(v[1])};
    law.bus = BytesPerSecond{std::min(std::exp(v[2]), limit)};
    law.ramp_share = ramp_share(v[3]);
    law.ramp_scale = Seconds{std::exp(v[4])};
    law.blocks = has_blocks(choice) ? Seconds{std::exp(v[5])} : Seconds{};
    law.bus_exponent = v[6];
    law.narrow = std::max(v[7], 0.0);
    return law;
  };
  const auto limited = [&](const NodeLaw& law, const LawRow& row) {
    ProtocolLaw own = law.at(row.kind, row.ranks);
    own.bus = min(own.bus, BytesPerSecond{bus_limit(row, site)});
    return own;
  };
  return law_of(fit(variables, [&](const std::array<double, 8>& v) {
    const NodeLaw law = law_of(v);
    return errors_of(rows, [&](const LawRow& row) { return limited(law, row); });
  }));
}

}  // namespace

std::vector<NamedNodeLaw> fit_node_laws(const std::vector<const LawRow*>& rows, const hardware::Site& site) {
  std::vector<NamedNodeLaw> out;
  for (const LawRow* first : rows) {
    const std::string name = first->law();
    if (std::any_of(out.begin(), out.end(), [&](const NamedNodeLaw& law) { return law.name == name; })) continue;
    std::vector<const LawRow*> of_law;
    for (const LawRow* row : rows) {
      if (row->law() == name) of_law.push_back(row);
    }
    out.push_back({name, fit_node_law(of_law, site)});
  }
  return out;
}

ProtocolLaw fit_family_law(const std::vector<const LawRow*>& rows, const NodeLaw& node, const hardware::Site& site) {
  const LawRow& first = *rows.front();
  const ProtocolLaw start = node.at(first.kind, first.ranks);
  const double limit = bus_limit(first, site);
  const std::array<Variable, 6> variables{{{0.0, 0.15},
                                           {0.0, 0.1},
                                           {ramp_variable(node.ramp_share), 0.5},
                                           {0.0, 0.5},
                                           {0.0, has_blocks(first.choice) ? 0.4 : 0.0},
                                           {node.narrow, any_sums_bytes(rows) ? 0.5 * kNarrow : 0.0}}};
  const auto law_of = [&](const std::array<double, 6>& v) {
    ProtocolLaw law;
    law.base = std::exp(v[0]) * start.base;
    law.bus = BytesPerSecond{std::min(std::exp(v[1]) * start.bus.value(), limit)};
    law.ramp_scale = std::exp(v[3]) * start.ramp_scale;
    law.ramp = ramp_share(v[2]) * min(law.base, law.ramp_scale);
    law.blocks = std::exp(v[4]) * start.blocks;
    law.narrow = std::max(v[5], 0.0);
    return law;
  };
  return law_of(fit(variables, [&](const std::array<double, 6>& v) {
    const ProtocolLaw law = law_of(v);
    return errors_of(rows, [&](const LawRow&) { return law; });
  }));
}

}  // namespace orrery::calibrate

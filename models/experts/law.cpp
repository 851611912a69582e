#include "models/experts/law.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace orrery::models {
namespace {

struct Coefficients {
  std::vector<double> values;
  const hardware::Fit* fit = nullptr;
};

Coefficients coefficients_of(const ExchangeLaw& law, const ExchangeShape& shape, ExchangePhase phase,
                             const hardware::Site& site) {
  Coefficients out;
  out.fit = site.gpu.find_fit(exchange_fit_key(law, shape, phase));
  for (const ExchangeCoefficient& one : law.coefficients) {
    const double own = phase == ExchangePhase::combine ? one.combine : one.dispatch;
    // A table of one node says nothing of the network: those coefficients stay the law's own.
    out.values.push_back(out.fit == nullptr ? own : out.fit->coefficient(one.name).value_or(own));
  }
  return out;
}

bool is_measured(const hardware::Fit* fit, const ExchangeShape& shape) {
  if (fit == nullptr || !fit->of.empty() || fit->coefficient("link_scale").value_or(1.0) != 1.0) return false;
  return shape.nodes == 1 || fit->coefficient("network_share").has_value();
}

Seconds wire_time(const ExchangeBytes& bytes, const hardware::Site& site) {
  Seconds time;
  if (bytes.node.value() > 0.0) time = bytes.node / site.node_bandwidth_per_gpu();
  if (bytes.network.value() > 0.0) time = max(time, bytes.network / site.network_bandwidth_per_gpu());
  return time;
}

}  // namespace

Seconds ExchangeTime::body() const {
  const double largest = max(max(kernel, node), network).value();
  if (!(largest > 0.0)) return {};
  double sum = 0.0;
  for (const Seconds part : {kernel, node, network}) sum += std::pow(part.value() / largest, sharpness);
  return Seconds{shown * largest * std::pow(sum, 1.0 / sharpness)};
}

std::string exchange_fit_key(const ExchangeLaw& law, const ExchangeShape& shape, ExchangePhase phase) {
  const bool low = phase == ExchangePhase::combine && element_size(shape.combine).value() < 2.0;
  return fmt::format("expert_exchange/{}/{}{}", law.name, name(phase),
                     low ? "_" + std::string(orrery::name(shape.combine)) : std::string());
}

ExchangePrice price_by_law(const ExchangeLaw& law, const ExchangeShape& shape, ExchangePhase phase,
                           const hardware::Site& site, const ExchangeBytes& bytes) {
  const Coefficients known = coefficients_of(law, shape, phase, site);
  const ExchangeTime parts = law.time(shape, phase, site, known.values);
  ExchangePrice out;
  out.node = bytes.node, out.network = bytes.network;
  out.time = max(parts.total(), wire_time(bytes, site));
  out.provenance = is_measured(known.fit, shape) ? kernels::Provenance::measured : kernels::Provenance::published;
  const std::string source = known.fit != nullptr ? known.fit->source : std::string(law.source);
  if (known.fit != nullptr) out.fit_key = known.fit->key;
  out.terms.push_back({"latency", parts.latency, "kernel, barriers and first token", source});
  if (parts.fill.value() > 0.0) out.terms.push_back({"fill", parts.fill, "tokens before the pipeline is full", source});
  const char* slowest = parts.network >= parts.node && parts.network >= parts.kernel ? "network"
                        : parts.node >= parts.kernel                                 ? "NVLink"
                                                                                     : "SMs";
  out.terms.push_back({"transfer", out.time - parts.latency - parts.fill,
                       fmt::format("bound by {}: SMs {:.4g} us, NVLink {:.4g} us, network {:.4g} us", slowest,
                                   parts.kernel.value() * 1e6, parts.node.value() * 1e6, parts.network.value() * 1e6),
                       source});
  return out;
}

}  // namespace orrery::models

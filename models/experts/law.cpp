#include "models/experts/law.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "models/experts/reach.hpp"

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

std::string extrapolated(const ExchangeLaw& law, const hardware::Fit* fit, const ExchangeShape& shape,
                         const hardware::Site& site) {
  if (fit == nullptr) return fmt::format("no fit saw {}", site.gpu.name);
  if (!fit->of.empty() || fit->coefficient("link_scale").value_or(1.0) != 1.0) {
    return "its law is of another NVLink rate or another board";
  }
  for (const ExchangeAxis& axis : exchange_axes()) {
    const std::int64_t value = axis.of(law, shape);
    if (value == 0) continue;
    const auto least = fit->coefficient(std::string(axis.name) + "_least");
    const auto most = fit->coefficient(std::string(axis.name) + "_most");
    if (!least || !most) return fmt::format("its fit does not say how many {} it saw", axis.what);
    if (static_cast<double>(value) >= *least && static_cast<double>(value) <= *most) continue;
    return *least == *most ? fmt::format("no fit saw {} {}, but {:g}", value, axis.what, *least)
                           : fmt::format("no fit saw {} {}, but {:g} to {:g}", value, axis.what, *least, *most);
  }
  return {};
}

Seconds wire_time(const ExchangeShape& shape, const ExchangeBytes& bytes, const hardware::Site& site) {
  Seconds time;
  if (bytes.node.value() > 0.0) time = bytes.node / site.node_bandwidth_per_gpu();
  if (bytes.network.value() > 0.0) time = max(time, bytes.network / network_rate(shape, site, 1.0));
  return time;
}

}  // namespace

Seconds ExchangeTime::body() const {
  const double largest = max(max(kernel, node), network).value();
  if (!(largest > 0.0)) return {};
  const std::array<Seconds, 3> parts{kernel, pipelined ? max(node, network) : node, pipelined ? Seconds{} : network};
  double sum = 0.0;
  for (const Seconds part : parts) sum += std::pow(part.value() / largest, sharpness);
  return Seconds{shown * largest * std::pow(sum, 1.0 / sharpness)};
}

const std::vector<ExchangeAxis>& exchange_axes() {
  static const std::vector<ExchangeAxis> axes = {
      {"tokens", "tokens a rank", [](const ExchangeLaw&, const ExchangeShape& shape) { return shape.tokens; }},
      {"ranks_per_node", "ranks a node",
       [](const ExchangeLaw&, const ExchangeShape& shape) { return std::int64_t{shape.ranks / shape.nodes}; }},
      {"nodes", "nodes", [](const ExchangeLaw&, const ExchangeShape& shape) { return std::int64_t{shape.nodes}; }},
      {"sms", "SMs", [](const ExchangeLaw& law, const ExchangeShape& shape) {
         return std::int64_t{law.own_sms > 0 && shape.sms > 0 ? shape.sms : law.own_sms};
       }}};
  return axes;
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
  out.time = max(parts.total(), wire_time(shape, bytes, site));
  out.extrapolated = extrapolated(law, known.fit, shape, site);
  out.provenance = out.extrapolated.empty() ? kernels::Provenance::measured : kernels::Provenance::published;
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

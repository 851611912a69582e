#include "calibrate/nccl_refusal.hpp"

#include <vector>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"
#include "sim/collective/libraries.hpp"

namespace orrery::calibrate {
namespace {

std::string names_text(const std::vector<std::string_view>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

/// What NCCL has for the kind, and what of it a list of algorithms leaves.
struct Offered {
  std::vector<std::string_view> all, left;
};

Offered offered_for(sim::CollectiveKind kind, const hardware::NcclSettings& settings) {
  Offered out;
  for (std::size_t f = 0; f < hardware::kNcclFunctions; ++f) {
    const auto function = static_cast<hardware::NcclFunction>(f);
    if (hardware::name(function) != sim::name(kind)) continue;
    for (const sim::CollectiveRow& row : sim::collective_algorithms()) {
      if (!row.nccl || !sim::nccl_offers(row, kind)) continue;
      out.all.push_back(row.name);
      if (settings.algorithms.allows(function, static_cast<std::size_t>(*row.nccl))) out.left.push_back(row.name);
    }
  }
  return out;
}

}  // namespace

std::string nccl_refusal(const sim::CollectiveCall& call, const sim::Choice& choice, const hardware::Site& site,
                         std::string_view algorithm_key, std::string_view protocol_key) {
  if (!sim::nccl_refuses(choice, call.kind, site.nccl)) return {};
  const std::string group = fmt::format("{} over {} GPUs of {} node{}", sim::name(call.kind), call.ranks, call.nodes,
                                        call.nodes == 1 ? "" : "s");
  const std::string named = fmt::format("{}: {}", algorithm_key, hardware::printable(site.nccl.algorithms.text));
  if (const sim::CollectiveRow* told = sim::named_beside_nccl(site.nccl)) {
    return fmt::format("{} has no {} here ({})", named, group, told->equation);
  }
  const Offered offered = offered_for(call.kind, site.nccl);
  if (offered.left.empty()) {
    return fmt::format("{} is nothing that NCCL has for {}, which is {}", named, sim::name(call.kind),
                       names_text(offered.all));
  }
  const std::string& protocols = site.nccl.protocols.text;
  if (protocols.empty()) return fmt::format("{}: NCCL lays no {} for {}", named, names_text(offered.left), group);
  return fmt::format("{}{}: {} leave NCCL no way for {}", site.nccl.algorithms.text.empty() ? "" : named + " and ",
                     protocol_key, hardware::printable(protocols), group);
}

}  // namespace orrery::calibrate

#include "hardware/catalogue/sister_fits.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/catalogue/profile_reader.hpp"

namespace orrery::hardware {

void inherit_fits(MapReader& profile, Gpu& gpu) {
  if (profile.peek("silicon") == nullptr) return;
  const std::vector<std::string> names = gpu_names();
  const std::size_t index = profile.choice("silicon", names);
  if (index >= names.size()) return;
  const std::string path = gpu_profile_path(names[index]).string();
  const NodePtr root = load_config(path);
  if (root->find("silicon") != nullptr || names[index] == gpu.name) {
    profile.diagnostics().error(profile.span("silicon"),
                                fmt::format("'{}' was not measured itself: name a board that was", names[index]));
    return;
  }
  const Gpu sister = read_gpu(*root, path, names[index]);
  if (sister.generation.name != gpu.generation.name) {
    profile.diagnostics().error(
        profile.span("silicon"),
        fmt::format("'{}' is of the generation {}, not {}", sister.name, sister.generation.name, gpu.generation.name));
    return;
  }
  // A chip of fewer multipliers needs less power for the same work on each.
  const double part = gpu.peak[Dtype::bf16].value() / sister.peak[Dtype::bf16].value();
  if (part > 0.0 && std::isfinite(part)) {
    gpu.lent_clock = clock_at_power(std::min(part, 1.0) * sister.power, gpu.power);
  }
  for (Fit fit : sister.fits) {
    const bool other_links = fit.is_collective() && !(sister.nvlink_bandwidth == gpu.nvlink_bandwidth);
    if (other_links || gpu.find_fit(fit.key) != nullptr) continue;
    if (fit.of.empty()) fit.of = sister.name;
    fit.residuals.clear();
    const auto error = gpu.generation.transfer.find(fit.key.substr(0, fit.key.find('/')));
    if (error != gpu.generation.transfer.end()) {
      fit.residuals.push_back({"transfer", error->second.rows, error->second.median, error->second.p95});
    }
    gpu.fits.push_back(std::move(fit));
  }
}

void inherit_node_law(MapReader& profile, Gpu& gpu) {
  if (profile.peek("switch_laws") == nullptr) return;
  const std::vector<std::string> names = gpu_names();
  const std::size_t index = profile.choice("switch_laws", names);
  if (index >= names.size()) return;
  const auto refuse = [&](const char* why) {
    profile.diagnostics().error(profile.span("switch_laws"), fmt::format("'{}' {}", names[index], why));
  };
  const std::string path = gpu_profile_path(names[index]).string();
  const NodePtr root = load_config(path);
  if (root->find("switch_laws") != nullptr || names[index] == gpu.name) return refuse("has none of its own");
  const Gpu sister = read_gpu(*root, path, names[index]);
  const Fit* law = sister.find_fit("nccl/node");
  if (law == nullptr) return refuse("has no law of a node (nccl/node)");
  if (!(sister.nvlink_bandwidth == gpu.nvlink_bandwidth)) return refuse("has links of another rate");
  Fit& fit = gpu.fits.emplace_back(*law);
  fit.key = kSisterNodeLaw;
  fit.of = sister.name;
  fit.residuals.clear();
}

}  // namespace orrery::hardware

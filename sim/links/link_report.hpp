// What the links of a World carried, in the words of a report: links of one class and capacity are one line.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "hardware/units.hpp"
#include "sim/clock.hpp"
#include "sim/links/links.hpp"
#include "sim/network/link_spans.hpp"

namespace orrery::sim {

/// An operation that took longer than alone because of a link.
struct HeldUpOperation {
  std::string operation;
  Seconds delay;  ///< in all its occurrences together
};

struct LinkReport {
  std::string link_class;
  int count = 0;                         ///< links that carried something
  BytesPerSecond capacity;               ///< of each
  Bytes bytes;                           ///< of all
  double mean_load = 0.0;                ///< mean over the links
  double peak_load = 0.0;                ///< of the fullest
  std::vector<HeldUpOperation> held_up;  ///< the longest delays first
};

/// What reports call an operation of a plan: "gradient bucket (dp stage 3)", "activations (stage 0 to stage 1)".
[[nodiscard]] std::string operation_name(const Plan& plan, const CollectiveEntry& entry);
[[nodiscard]] std::string operation_name(const Plan& plan, const TransferEntry& entry);
/// What they call a link: "nic (stage 3)".
[[nodiscard]] std::string link_name(const LinkInfo& link);

/// One operation that a World's link held up.
struct HeldUpOn {
  LinkId link;
  HeldUpOperation operation;
};

/// In the order nvlink, pcie, nic, leaf, spine, then by capacity; links that carried nothing are left out.
[[nodiscard]] std::vector<LinkReport> report_links(const std::vector<LinkInfo>& links,
                                                   const std::vector<LinkUsage>& usage,
                                                   std::span<const HeldUpOn> held_up);

}  // namespace orrery::sim

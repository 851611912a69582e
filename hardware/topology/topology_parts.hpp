// What routes are made of: their ends, what the rules leave open, and the links so far. A part of topology_routes.cpp
// and topology_direct.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hardware/topology/topology.hpp"

namespace orrery::hardware {

template <class T>
[[nodiscard]] const T& at(const std::vector<T>& items, int i) {
  return items[static_cast<std::size_t>(i)];
}

/// Two GPUs: their nodes, their numbers there, and where the nodes' links begin.
struct Topology::Ends {
  struct End {
    const Shape* shape = nullptr;
    int node = 0, gpu = 0, first_link = 0;
  };
  End from, to;
};

/// What the rules leave open: the GPUs whose cards are used, and which of the equal switches.
struct Topology::Choice {
  int exit = 0, entry = 0;
  int plane = 0, core = 0;
  int port = 0;        ///< which of its GPUs' cards: of the plane
  int cable = 0;       ///< of those between two groups of a dragonfly
  int via = -1;        ///< of a dragonfly: the router, or between groups the group, that it goes by; -1: straight
  bool nvlink = true;  ///< inside a node, where there is an NVSwitch
};

/// A route in the making. The longest has 2 links by NVLink to another card, 4 to it, 6 switches and the way in.
class Topology::Walk {
 public:
  void by(std::uint32_t link) { links_[count_++] = LinkId(link); }
  void by(int first, int link) { by(static_cast<std::uint32_t>(first + link)); }

  void by_nvlink(const Ends::End& end, int from, int to) {
    by(end.first_link, at(end.shape->gpu_links, from).nvlink_out);
    by(end.first_link, at(end.shape->gpu_links, to).nvlink_in);
  }
  void by_host(const Ends::End& end, int from_switch, int to_switch) {
    if (from_switch == to_switch) return;
    by(end.first_link, at(end.shape->host_links, from_switch).up);
    by(end.first_link, at(end.shape->host_links, to_switch).down);
  }
  void by_pcie(const Ends::End& end, int from, int to) {
    const Shape::GpuLinks &first = at(end.shape->gpu_links, from), &last = at(end.shape->gpu_links, to);
    by(end.first_link, first.pcie_out);
    by_host(end, first.pcie_switch, last.pcie_switch);
    by(end.first_link, last.pcie_in);
  }
  void out(const Ends::End& end, int gpu, int card) {
    const Shape::GpuLinks& links = at(end.shape->gpu_links, gpu);
    const Shape::NicLinks& nic = at(end.shape->nic_links, card);
    by(end.first_link, links.pcie_out);
    by_host(end, links.pcie_switch, nic.pcie_switch);
    by(end.first_link, nic.pcie_in);
    by(end.first_link, nic.out);
  }
  void in(const Ends::End& end, int gpu, int card) {
    const Shape::GpuLinks& links = at(end.shape->gpu_links, gpu);
    const Shape::NicLinks& nic = at(end.shape->nic_links, card);
    by(end.first_link, nic.pcie_out);
    by_host(end, nic.pcie_switch, links.pcie_switch);
    by(end.first_link, links.pcie_in);
  }
  void give(std::vector<LinkId>& links) const { links.assign(links_.begin(), links_.begin() + count_); }

 private:
  std::array<LinkId, 24> links_;
  std::ptrdiff_t count_ = 0;
};

}  // namespace orrery::hardware

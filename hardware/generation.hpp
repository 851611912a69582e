// What the GPUs of one generation have in common beyond the figures of a board: how libraries drive them.
//
// A Generation is a value read from hardware/profiles/generations/<name>.yaml, whose `sources:` say for each fact where
// it is printed. A profile names its generation by `architecture:`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "hardware/units.hpp"

namespace orrery::hardware {

/// Tiles that the matrix libraries of the generation come in.
enum class GemmTiles : std::uint8_t {
  powers_of_two,
  fine,  ///< also sides in steps of 32
};

/// Instructions that attention kernels are written for.
enum class AttentionInstructions : std::uint8_t {
  plain,          ///< neither of the others
  warpgroups,     ///< compute capability 9.0
  tensor_memory,  ///< compute capability 10.0
};

/// What leads from one chip to others, and with it whose collectives run there.
enum class Interconnect : std::uint8_t {
  nvlink,  ///< NVLink, PCIe and network cards: NCCL
  ici,     ///< links from chip to chip, which make a torus: compiled by XLA, without NCCL
};

struct Generation {
  using Coefficients = std::vector<std::pair<std::string, double>>;

  std::string name;   ///< contract name, "hopper"
  std::string title;  ///< "NVIDIA Hopper"

  GemmTiles gemm_tiles = GemmTiles::powers_of_two;
  AttentionInstructions attention = AttentionInstructions::plain;
  bool latent_decode_splits = false;                 ///< decoding over an MLA latent splits the keys
  std::map<std::string, Coefficients> coefficients;  ///< of kernel families, for a GPU that has no fit of its own

  Interconnect interconnect = Interconnect::nvlink;
  int compute_capability = 0;    ///< 90: of the least of its boards
  double link_efficiency = 0.0;  ///< what NCCL reckons with, over NVLink's line rate
  double nvls_sustained = 0.0;   ///< bus bandwidth of reduction in the switch over line rate, measured at GiB sizes
  double nvls_limit = 0.0;       ///< the same at the largest size published; 0: no reduction in the switch
  double latency_scale = 1.0;    ///< measured small collectives over NCCL's figures

  /// Error of one board's fits on the tables of another with the same silicon, by kernel family.
  struct Transfer {
    int rows = 0;
    double median = 0.0, p95 = 0.0;  ///< of |predicted/measured − 1|
  };
  std::map<std::string, Transfer> transfer;

  std::map<std::string, std::string> sources;  ///< key of the fact → where it is printed
};

}  // namespace orrery::hardware

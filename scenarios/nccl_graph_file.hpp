// NCCL's graph file (NCCL_GRAPH_DUMP_FILE writes it, NCCL_GRAPH_FILE reads it): what its search found on a machine.
//
// Source: NVIDIA/nccl 2.28.9 src/graph/search.cc (ncclTopoGetGraphFromXmlSub: attributes; the channels are counted, not
// taken from nchannels), src/init.cc (numbers of the graphs).
// Limitations: the order of the GPUs in a channel is not used: times follow from the channels' speeds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hardware/nccl.hpp"

namespace orrery::scenarios {

/// One graph per algorithm, in the file's order. Throws hardware::ConfigError with file, line and column: no XML, a
/// document type, an unknown graph, pattern or path, a graph twice, a channel without speed, that visits a GPU twice or
/// other GPUs than the first one; a count that is not that of its channels.
[[nodiscard]] std::vector<hardware::NcclGraph> read_nccl_graphs(std::string_view text, const std::string& file);

}  // namespace orrery::scenarios

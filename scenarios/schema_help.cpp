// One sentence on every key of a scenario beside those of a kind of job, and what its absence means where that is no
// value.

#include "scenarios/kinds.hpp"
#include "scenarios/schema_fields.hpp"

namespace orrery::scenarios {

namespace {

constexpr FieldHelp kHelp[] = {
    {"scenario", "Title of the scenario, as reports show it", ""},
    {"model", "A model of the library, or a path to a Hugging Face config.json", ""},
    {"seed", "Seed of all random draws: another one gives another sample of the same load", ""},
    {"timer", "Timing model of kernels: fitted to measurements, or the roofline as a bound", ""},

    {"cluster.node", "The node that the cluster is made of: its GPUs, links and network cards", ""},
    {"cluster.nodes", "How many nodes: more of them do more at once, and cost more an hour", ""},
    {"cluster.fabric", "How nodes are joined; more than one node needs it", "none: a single node"},
    {"cluster.gpu", "Another GPU in place of the node's own", "the node's own"},
    {"cluster.price", "Price of one GPU hour; cost is proportional to it", "the profile's list price"},
    {"cluster.collective_algorithm",
     "How collectives run: one of NCCL's, as NCCL_ALGO, or another library's for what that carries out", ""},
    {"cluster.gpu_memory", "Memory of a GPU as sold: a what-if on capacity alone", "the profile's"},
    {"cluster.gpu_memory_bandwidth", "GPU memory bandwidth: sets decode, norms and the optimizer step",
     "the profile's"},
    {"cluster.power_limit", "Power that a GPU may draw: below the board's own its clock falls under dense work",
     "the board's"},
    {"cluster.power_state", "State that boards of this kind were found in, whose clock falls more under dense work",
     "none"},
    {"cluster.nvlink_bandwidth", "NVLink bandwidth per GPU and direction: sets tensor-parallel communication",
     "the profile's"},
    {"cluster.nics", "Network cards of a node: they share its bandwidth to the others", "the node's"},
    {"cluster.nic_bandwidth", "Line rate of one network card: sets communication between nodes", "the node's"},
};

}  // namespace

const FieldHelp* find_help(std::string_view key) {
  const auto find = [key](const auto& rows) -> const FieldHelp* {
    for (const FieldHelp& help : rows) {
      if (help.key == key) return &help;
    }
    return nullptr;
  };
  if (const FieldHelp* help = find(kHelp)) return help;
  for (const KindRow* kind : kinds()) {
    if (const FieldHelp* help = find(kind->help())) return help;
  }
  return nullptr;
}

}  // namespace orrery::scenarios

// The table of kinds of files that become scenarios, or parts of them.
#include "scenarios/import/import.hpp"
#include "scenarios/import/nccl_graph.hpp"
#include "scenarios/import/nccl_topology.hpp"
#include "scenarios/import/topo_matrix.hpp"

namespace orrery::scenarios {

// A result names its requests' lengths too, so it stands before the loads.
const std::vector<ImportKind>& import_kinds() {
  static const std::vector<ImportKind> rows = {
      {"nccl_topology", "NCCL's topology (NCCL_TOPO_DUMP_FILE) as a node of one's own",
       "NVIDIA/nccl src/graph/topo.cc, src/graph/xml.cc", is_nccl_topology, nullptr, import_nccl_topology},
      {"nccl_graph", "NCCL's graphs (NCCL_GRAPH_DUMP_FILE) as cluster.nccl.graphs",
       "NVIDIA/nccl src/graph/search.cc, ncclTopoGetGraphFromXml", is_nccl_graph, nullptr, import_nccl_graph},
      {"topo_matrix", "what nvidia-smi topo -m printed as a node of one's own", "nvidia-smi topo -m, its legend",
       is_topo_matrix, nullptr, import_topo_matrix},
      {"vllm_bench", "what vllm bench serve saved: its load, and what it measured as expectations",
       "vllm-project/vllm vllm/benchmarks/serve.py, --save-result", is_bench, read_bench},
      {"load", "recorded requests in one of `orrery list trace_formats`", "models/serving/workload/traces.cpp", is_load,
       read_load},
      {"kubernetes", "the first container of a Kubernetes manifest that starts one of these servers",
       "kubernetes.io/docs, Pod.spec.containers", is_kubernetes, read_kubernetes},
      {"compose", "the first service of a Docker Compose file that starts one of them",
       "docs.docker.com/reference/compose-file/services", is_compose, read_compose},
      {"launch", "the first launch line of vLLM, SGLang, TensorRT-LLM or TGI in a shell script",
       "scenarios/import/launchers.cpp", is_launch, read_launch},
  };
  return rows;
}

}  // namespace orrery::scenarios

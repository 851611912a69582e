// NCCL's graph file as the key `graphs` of a scenario's cluster.nccl.
#pragma once

namespace orrery::scenarios {

struct ImportFile;
struct ImportOptions;
struct Imported;

[[nodiscard]] bool is_nccl_graph(const ImportFile& file);

/// The section as YAML. Throws hardware::ConfigError as read_nccl_graphs() does.
[[nodiscard]] Imported import_nccl_graph(const ImportFile& file, const ImportOptions& options);

}  // namespace orrery::scenarios

// What `orrery collective` answers, asked by a program that has the cluster already.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/collective/collective_table.hpp"

namespace orrery::scenarios {

/// The operations that can be asked about, in the order of a menu: "all_reduce", …
[[nodiscard]] std::vector<std::string> collective_operations();

/// read_query() of `cluster`, such as a scenario's, in place of words.cluster and words.fabric. Throws ConfigError as
/// that does, with the same words: they name the command's options.
[[nodiscard]] CollectiveQuery query_of_cluster(std::string_view operation, const CollectiveWords& words,
                                               hardware::Cluster cluster);

/// The cluster of a scenario, or of a file that has only that; nullopt: `path` is another file, or none. Throws
/// ConfigError with what is wrong in it.
[[nodiscard]] std::optional<hardware::Cluster> described_cluster(const std::string& path);

/// How well a line is known ("measured", "extrapolated", …), or "refused": NCCL would not carry it out as it was told.
[[nodiscard]] std::string_view known(const CollectiveLine& line);

}  // namespace orrery::scenarios

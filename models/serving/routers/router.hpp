// The router family: which replica serves a request.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "models/serving/sequences/request.hpp"

namespace orrery::models {

/// What a router sees of a replica when a request arrives.
struct ReplicaView {
  std::int64_t waiting = 0;
  std::int64_t running = 0;
  std::int64_t free_blocks = 0;
};

class Router {
 public:
  virtual ~Router() = default;
  /// Index of the replica. REQUIRES at least one.
  virtual std::size_t pick(const Request& request, const std::vector<ReplicaView>& replicas) = 0;
};

struct RouterRow {
  std::string_view name;
  std::string_view equation;
  std::string_view source;
  std::unique_ptr<Router> (*make)(std::uint64_t seed);
};

[[nodiscard]] RouterRow round_robin_row();     // round_robin.cpp
[[nodiscard]] RouterRow least_requests_row();  // least_requests.cpp

[[nodiscard]] const std::vector<RouterRow>& routers();
[[nodiscard]] const RouterRow* find_router(std::string_view name);

}  // namespace orrery::models

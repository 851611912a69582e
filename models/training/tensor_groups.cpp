#include "models/training/tensor_groups.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "models/training/parallel.hpp"

namespace orrery::models {

std::vector<GridGroup> grid_groups(const TrainingJob& job, const MeshClasses& classes, std::size_t data,
                                   std::size_t stage) {
  const TensorGrid grid = tensor_grid(job.config);
  const Mesh mesh = make_mesh(job);
  const std::vector<int>& data_ranks = classes.of(MeshAxis::data)[data];
  const std::vector<int>& stages = classes.of(MeshAxis::pipeline)[stage];
  std::vector<GridGroup> out;
  const auto add = [&](GridAxis axis, const sim::Axis& along, const std::vector<int>& firsts,
                       std::vector<std::size_t> places) {
    sim::Group group{
        fmt::format("tp {} {} stage {} dp {}", name(axis), firsts.front(), stages.front(), data_ranks.front()),
        {},
        {{along.count, along.stride * mesh.stride(MeshAxis::tensor)}},
        members_of(mesh, firsts, data_ranks, stages)};
    out.push_back({axis, std::move(group), std::move(places)});
  };
  if (grid.is_line()) return out;
  for (const GridAxis axis : kGridAxes) {
    const sim::Axis along = grid.along(axis);
    if (along.count == 1) continue;
    std::vector<int> firsts;
    for (int t = 0; t < mesh.tensor(); ++t) {
      if (t / along.stride % along.count == 0) firsts.push_back(t);
    }
    if (classes.count(MeshAxis::tensor) == 1) {
      add(axis, along, firsts, {0});
      continue;
    }
    for (const int first : firsts) {
      std::vector<std::size_t> places;
      for (int i = 0; i < along.count; ++i) places.push_back(static_cast<std::size_t>(first + i * along.stride));
      add(axis, along, {first}, std::move(places));
    }
  }
  return out;
}

const GridAxis* straddling_axis(const TrainingJob& job) {
  const TensorGrid grid = tensor_grid(job.config);
  if (grid.is_line()) return nullptr;
  const int per_node = make_placement(job).per_node, first = make_mesh(job).stride(MeshAxis::tensor);
  const auto* const found = std::find_if(kGridAxes.begin(), kGridAxes.end(), [&](GridAxis axis) {
    const sim::Axis along = grid.along(axis);
    return along.count > 1 && !deals_evenly({along.count, along.stride * first}, per_node);
  });
  return found == kGridAxes.end() ? nullptr : found;
}

}  // namespace orrery::models

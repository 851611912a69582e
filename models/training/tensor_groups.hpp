// The communicators along the axes of a tensor-parallel group that is a grid (parallel/tensor_modes.hpp).
#pragma once

#include <cstddef>
#include <vector>

#include "models/parallel/mesh.hpp"
#include "models/parallel/tensor_modes.hpp"
#include "models/training/training.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::models {

/// A row, column or depth, or all of them that stand for each other.
struct GridGroup {
  GridAxis axis = GridAxis::row;
  sim::Group group;                 ///< without its members
  std::vector<std::size_t> places;  ///< of its members among the classes of the tensor axis
};

/// Of the ranks of one class of data-parallel ranks and one stage. Where tensor-parallel ranks stand for each other one
/// communicator stands for all of its axis. None of ranks in a line. REQUIRES classes whose tensor axis is all in one
/// or each apart (with_parts_apart()).
[[nodiscard]] std::vector<GridGroup> grid_groups(const TrainingJob& job, const MeshClasses& classes, std::size_t data,
                                                 std::size_t stage);

/// The first axis whose ranks nodes would take unevenly, so that its communicators were not alike; nullptr: none.
[[nodiscard]] const GridAxis* straddling_axis(const TrainingJob& job);

}  // namespace orrery::models

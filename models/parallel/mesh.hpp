// The axes of a parallel job and how its members are numbered along them.
//
// A member is a place (tensor rank, data rank, pipeline stage); its number is Σ place_a · stride_a. The order of axes
// decides the strides: Megatron-LM's default tp-dp-pp (core/parallel_state.py, order="tp-cp-ep-dp-pp") makes tensor
// parallel ranks neighbours, who fill a node first, and pipeline stages the farthest apart. A communicator is a slice
// of the mesh along one or more axes.
//
// Classes. Members that do the same at the same times stand for each other. Along each axis the coordinates are dealt
// to classes; a rank of a plan is one class of each axis. All in one class is the folded plan of a symmetric job, each
// its own the unfolded one; refine() finds the coarsest classes that tell apart what a key tells apart.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/plan/placement.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::models {

enum class MeshAxis : std::uint8_t { tensor, data, pipeline };
inline constexpr std::size_t kMeshAxes = 3;
using MeshOrder = std::array<MeshAxis, kMeshAxes>;  ///< the fastest first
inline constexpr MeshOrder kMegatronOrder = {MeshAxis::tensor, MeshAxis::data, MeshAxis::pipeline};

/// "tp", "dp", "pp".
[[nodiscard]] std::string_view name(MeshAxis axis);
[[nodiscard]] std::optional<MeshAxis> find_mesh_axis(std::string_view name);

/// A coordinate on each axis, by MeshAxis.
using MeshPlace = std::array<int, kMeshAxes>;

class Mesh {
 public:
  Mesh() = default;
  /// REQUIRES sizes ≥ 1 and each axis once in the order.
  explicit Mesh(const MeshPlace& sizes, const MeshOrder& order = kMegatronOrder);

  [[nodiscard]] int size(MeshAxis axis) const { return axes_[index(axis)].count; }
  [[nodiscard]] int stride(MeshAxis axis) const { return axes_[index(axis)].stride; }
  [[nodiscard]] int tensor() const { return size(MeshAxis::tensor); }
  [[nodiscard]] int data() const { return size(MeshAxis::data); }
  [[nodiscard]] int pipeline() const { return size(MeshAxis::pipeline); }
  [[nodiscard]] int gpus() const { return tensor() * data() * pipeline(); }

  [[nodiscard]] std::uint32_t member(const MeshPlace& place) const;
  [[nodiscard]] MeshPlace place(std::uint32_t member) const;
  /// The axes of a communicator along these axes of the mesh.
  [[nodiscard]] std::vector<sim::Axis> along(const std::vector<MeshAxis>& axes) const;

 private:
  static constexpr std::size_t index(MeshAxis axis) { return static_cast<std::size_t>(axis); }
  std::array<sim::Axis, kMeshAxes> axes_{};
};

/// By axis: the classes of its coordinates; the first of each represents it.
struct MeshClasses {
  std::array<std::vector<std::vector<int>>, kMeshAxes> axes;

  [[nodiscard]] const std::vector<std::vector<int>>& of(MeshAxis axis) const {
    return axes[static_cast<std::size_t>(axis)];
  }
  [[nodiscard]] std::size_t count(MeshAxis axis) const { return of(axis).size(); }

  friend bool operator==(const MeshClasses&, const MeshClasses&) = default;
};

/// Stages apart, all else in one class.
[[nodiscard]] MeshClasses folded(const Mesh& mesh);
/// Every member its own.
[[nodiscard]] MeshClasses unfolded(const Mesh& mesh);
/// The coarsest classes in which members of one rank have equal keys, stages apart.
[[nodiscard]] MeshClasses refine(const Mesh& mesh, const std::function<std::uint64_t(std::uint32_t member)>& key);

/// The members of the product of three classes, the first of which represents them: tensor coordinates fastest, then
/// data.
[[nodiscard]] std::vector<std::uint32_t> members_of(const Mesh& mesh, const std::vector<int>& tensor,
                                                    const std::vector<int>& data, const std::vector<int>& pipeline);

/// Where a job's members are put on the cluster.
struct JobPlacement {
  MeshOrder order = kMegatronOrder;
  int first_node = 0;
  int spread = 1;    ///< every how many nodes one is taken
  int per_node = 0;  ///< GPUs of a node that the job takes; 0: all
};

}  // namespace orrery::models

#include "models/parallel/mesh.hpp"

#include <map>

namespace orrery::models {

namespace {

constexpr std::array<std::string_view, kMeshAxes> kNames = {"tp", "dp", "pp"};

}  // namespace

std::string_view name(MeshAxis axis) { return kNames[static_cast<std::size_t>(axis)]; }

std::optional<MeshAxis> find_mesh_axis(std::string_view name) {
  for (std::size_t i = 0; i < kMeshAxes; ++i) {
    if (kNames[i] == name) return static_cast<MeshAxis>(i);
  }
  return std::nullopt;
}

Mesh::Mesh(const MeshPlace& sizes, const MeshOrder& order) {
  int stride = 1;
  for (const MeshAxis axis : order) {
    axes_[index(axis)] = {sizes[index(axis)], stride};
    stride *= sizes[index(axis)];
  }
}

std::uint32_t Mesh::member(const MeshPlace& place) const {
  int number = 0;
  for (std::size_t i = 0; i < kMeshAxes; ++i) number += place[i] * axes_[i].stride;
  return static_cast<std::uint32_t>(number);
}

MeshPlace Mesh::place(std::uint32_t member) const {
  MeshPlace place{};
  for (std::size_t i = 0; i < kMeshAxes; ++i) {
    place[i] = static_cast<int>(member) / axes_[i].stride % axes_[i].count;
  }
  return place;
}

std::vector<sim::Axis> Mesh::along(const std::vector<MeshAxis>& axes) const {
  std::vector<sim::Axis> out;
  for (const MeshAxis axis : axes) out.push_back(axes_[index(axis)]);
  return out;
}

namespace {

std::vector<std::vector<int>> apart(int size) {
  std::vector<std::vector<int>> classes;
  for (int i = 0; i < size; ++i) classes.push_back({i});
  return classes;
}

std::vector<std::vector<int>> together(int size) {
  std::vector<std::vector<int>> classes(1);
  for (int i = 0; i < size; ++i) classes[0].push_back(i);
  return classes;
}

}  // namespace

MeshClasses folded(const Mesh& mesh) {
  return {{together(mesh.tensor()), together(mesh.data()), apart(mesh.pipeline())}};
}

MeshClasses unfolded(const Mesh& mesh) { return {{apart(mesh.tensor()), apart(mesh.data()), apart(mesh.pipeline())}}; }

// Two coordinates of an axis are alike if the keys of all members that share the other coordinates are.
MeshClasses refine(const Mesh& mesh, const std::function<std::uint64_t(std::uint32_t member)>& key) {
  MeshClasses classes = folded(mesh);
  for (const MeshAxis axis : {MeshAxis::tensor, MeshAxis::data}) {
    const std::size_t a = static_cast<std::size_t>(axis);
    std::vector<std::vector<std::uint64_t>> rows(static_cast<std::size_t>(mesh.size(axis)));
    for (std::uint32_t member = 0; member < static_cast<std::uint32_t>(mesh.gpus()); ++member) {
      rows[static_cast<std::size_t>(mesh.place(member)[a])].push_back(key(member));
    }
    std::map<std::vector<std::uint64_t>, std::size_t> known;
    std::vector<std::vector<int>> parted;
    for (int i = 0; i < mesh.size(axis); ++i) {
      const auto [found, is_new] = known.try_emplace(rows[static_cast<std::size_t>(i)], parted.size());
      if (is_new) parted.emplace_back();
      parted[found->second].push_back(i);
    }
    classes.axes[a] = std::move(parted);
  }
  return classes;
}

std::vector<std::uint32_t> members_of(const Mesh& mesh, const std::vector<int>& tensor, const std::vector<int>& data,
                                      const std::vector<int>& pipeline) {
  std::vector<std::uint32_t> members;
  members.reserve(tensor.size() * data.size() * pipeline.size());
  for (const int p : pipeline) {
    for (const int d : data) {
      for (const int t : tensor) members.push_back(mesh.member({t, d, p}));
    }
  }
  return members;
}

}  // namespace orrery::models

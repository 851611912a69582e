// Meshes of any size and order: members and places, communicators, and the classes that refining makes.
#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "models/parallel/mesh.hpp"
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

#include "models/training/training.hpp"

namespace orrery::models {
namespace {

TEST(IsAligned, WhereNodesHoldWholeCommunicatorsOrTheseWholeNodes) {
  // 4 x 2 x 3: tensor groups of four neighbours, replicas at 4, stages at 8.
  const Mesh mesh({4, 2, 3});
  EXPECT_TRUE(is_aligned(mesh, 8)) << "a node is a stage";
  EXPECT_TRUE(is_aligned(mesh, 4)) << "a node is a tensor group";
  EXPECT_TRUE(is_aligned(mesh, 2)) << "a tensor group is two nodes";
  EXPECT_TRUE(is_aligned(mesh, 24));
  EXPECT_TRUE(is_aligned(mesh, 1));
  EXPECT_FALSE(is_aligned(mesh, 3)) << "a node ends inside a tensor group, at another place each time";
  EXPECT_FALSE(is_aligned(mesh, 6));
  EXPECT_FALSE(is_aligned(mesh, 16)) << "two of three stages on the first node";
}

TEST(MeshNames, AreReadAsTheyAreWritten) {
  for (const MeshAxis axis : {MeshAxis::tensor, MeshAxis::data, MeshAxis::pipeline}) {
    EXPECT_EQ(find_mesh_axis(name(axis)), axis);
  }
  for (const char* odd : {"", "TP", "tensor", "ep", "tp "}) EXPECT_FALSE(find_mesh_axis(odd)) << odd;
}

#ifdef ORRERY_HAVE_RAPIDCHECK

struct Drawn {
  Mesh mesh;
  MeshPlace sizes{};
};

Drawn draw_mesh() {
  MeshOrder order = kMegatronOrder;
  for (std::size_t i = 0; i + 1 < order.size(); ++i) {
    std::swap(order[i], order[*rc::gen::inRange<std::size_t>(i, order.size())]);
  }
  const MeshPlace sizes = {*rc::gen::inRange(1, 5), *rc::gen::inRange(1, 5), *rc::gen::inRange(1, 5)};
  return {Mesh(sizes, order), sizes};
}

std::vector<std::uint32_t> members_of_classes(const Mesh& mesh, const MeshClasses& classes) {
  std::vector<std::uint32_t> all;
  for (const std::vector<int>& p : classes.of(MeshAxis::pipeline)) {
    for (const std::vector<int>& d : classes.of(MeshAxis::data)) {
      for (const std::vector<int>& t : classes.of(MeshAxis::tensor)) {
        for (const std::uint32_t member : members_of(mesh, t, d, p)) all.push_back(member);
      }
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

TEST(MeshProperties, MembersAreNumberedWithoutGaps) {
  EXPECT_TRUE(rc::check([] {
    const Drawn drawn = draw_mesh();
    std::set<MeshPlace> places;
    for (std::uint32_t member = 0; member < static_cast<std::uint32_t>(drawn.mesh.gpus()); ++member) {
      const MeshPlace place = drawn.mesh.place(member);
      RC_ASSERT(places.insert(place).second);
      RC_ASSERT(drawn.mesh.member(place) == member);
      for (std::size_t axis = 0; axis < kMeshAxes; ++axis) {
        RC_ASSERT(place[axis] >= 0);
        RC_ASSERT(place[axis] < drawn.sizes[axis]);
      }
    }
    RC_ASSERT(drawn.mesh.gpus() == drawn.sizes[0] * drawn.sizes[1] * drawn.sizes[2]);
  }));
}

TEST(MeshProperties, ClassesHoldEveryMemberOnce) {
  EXPECT_TRUE(rc::check([] {
    const Drawn drawn = draw_mesh();
    const auto keys = *rc::gen::container<std::vector<std::uint64_t>>(static_cast<std::size_t>(drawn.mesh.gpus()),
                                                                      rc::gen::inRange<std::uint64_t>(0, 3));
    std::vector<std::uint32_t> all(keys.size());
    for (std::uint32_t i = 0; i < all.size(); ++i) all[i] = i;
    const auto key = [&](std::uint32_t member) { return keys[member]; };
    for (const MeshClasses& classes : {folded(drawn.mesh), unfolded(drawn.mesh), refine(drawn.mesh, key)}) {
      RC_ASSERT(members_of_classes(drawn.mesh, classes) == all);
    }
  }));
}

TEST(MeshProperties, RefinedRanksHaveEqualKeysStageByStage) {
  EXPECT_TRUE(rc::check([] {
    const Drawn drawn = draw_mesh();
    const auto keys = *rc::gen::container<std::vector<std::uint64_t>>(static_cast<std::size_t>(drawn.mesh.gpus()),
                                                                      rc::gen::inRange<std::uint64_t>(0, 2));
    const MeshClasses classes = refine(drawn.mesh, [&](std::uint32_t member) { return keys[member]; });
    for (const std::vector<int>& p : classes.of(MeshAxis::pipeline)) {
      RC_ASSERT(p.size() == 1u);  // stages apart
      for (const std::vector<int>& d : classes.of(MeshAxis::data)) {
        for (const std::vector<int>& t : classes.of(MeshAxis::tensor)) {
          const std::vector<std::uint32_t> members = members_of(drawn.mesh, t, d, p);
          for (const std::uint32_t member : members) RC_ASSERT(keys[member] == keys[members.front()]);
        }
      }
    }
  }));
}

TEST(MeshProperties, RefiningByOneKeyFoldsAndByEachMembersOwnUnfolds) {
  EXPECT_TRUE(rc::check([] {
    const Drawn drawn = draw_mesh();
    RC_ASSERT(refine(drawn.mesh, [](std::uint32_t) { return std::uint64_t{7}; }) == folded(drawn.mesh));
    RC_ASSERT(refine(drawn.mesh, [](std::uint32_t member) { return std::uint64_t{member}; }) == unfolded(drawn.mesh));
  }));
}

TEST(MeshProperties, AKeyOfTheTensorCoordinatePartsThatAxisAlone) {
  EXPECT_TRUE(rc::check([] {
    const Drawn drawn = draw_mesh();
    const MeshClasses classes = refine(drawn.mesh, [&](std::uint32_t member) {
      return static_cast<std::uint64_t>(drawn.mesh.place(member)[static_cast<std::size_t>(MeshAxis::tensor)] % 2);
    });
    RC_ASSERT(classes.count(MeshAxis::tensor) == (drawn.sizes[0] > 1 ? 2u : 1u));
    RC_ASSERT(classes.count(MeshAxis::data) == 1u);
    for (const std::vector<int>& alike : classes.of(MeshAxis::tensor)) {
      for (const int t : alike) RC_ASSERT(t % 2 == alike.front() % 2);
    }
  }));
}

TEST(MeshProperties, CommunicatorsAlongAnAxisPartTheMembers) {
  EXPECT_TRUE(rc::check([] {
    const Drawn drawn = draw_mesh();
    for (const MeshAxis axis : {MeshAxis::tensor, MeshAxis::data, MeshAxis::pipeline}) {
      // Members whose other coordinates are equal stand `stride` apart, as the axis of the communicator says.
      const std::vector<sim::Axis> along = drawn.mesh.along({axis});
      RC_ASSERT(along.size() == 1u);
      RC_ASSERT(along.front().count == drawn.mesh.size(axis));
      std::map<MeshPlace, std::vector<std::uint32_t>> slices;
      for (std::uint32_t member = 0; member < static_cast<std::uint32_t>(drawn.mesh.gpus()); ++member) {
        MeshPlace others = drawn.mesh.place(member);
        others[static_cast<std::size_t>(axis)] = 0;
        slices[others].push_back(member);
      }
      for (const auto& [others, members] : slices) {
        RC_ASSERT(static_cast<int>(members.size()) == drawn.mesh.size(axis));
        for (std::size_t i = 1; i < members.size(); ++i) {
          RC_ASSERT(members[i] - members[i - 1] == static_cast<std::uint32_t>(along.front().stride));
        }
      }
    }
  }));
}

TEST(MeshProperties, AnAlignedNodeCutsEveryCommunicatorAlike) {
  // Of each communicator along an axis: how many members each node that it touches has, in order.
  EXPECT_TRUE(rc::check([] {
    const Drawn drawn = draw_mesh();
    const int per_node = *rc::gen::inRange(1, 17);
    if (!is_aligned(drawn.mesh, per_node)) return;
    for (const MeshAxis axis : {MeshAxis::tensor, MeshAxis::data, MeshAxis::pipeline}) {
      std::map<MeshPlace, std::map<int, int>> nodes;
      for (std::uint32_t member = 0; member < static_cast<std::uint32_t>(drawn.mesh.gpus()); ++member) {
        MeshPlace others = drawn.mesh.place(member);
        others[static_cast<std::size_t>(axis)] = 0;
        ++nodes[others][static_cast<int>(member) / per_node];
      }
      const auto cut = [](const std::map<int, int>& of) {
        std::vector<int> counts;
        for (const auto& [node, count] : of) counts.push_back(count);
        return counts;
      };
      for (const auto& [others, of] : nodes) RC_ASSERT(cut(of) == cut(nodes.begin()->second));
    }
  }));
}

#endif

}  // namespace
}  // namespace orrery::models

// How the members of a job are numbered along its axes, and who stands for whom.
#include "models/parallel/mesh.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "models/training/parallel.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::models {
namespace {

constexpr MeshPlace kSizes = {4, 2, 3};  // tensor, data, pipeline

std::vector<MeshOrder> every_order() {
  std::vector<MeshOrder> orders;
  MeshOrder order = {MeshAxis::tensor, MeshAxis::data, MeshAxis::pipeline};
  do orders.push_back(order);
  while (std::next_permutation(order.begin(), order.end()));
  return orders;
}

TEST(Mesh, MembersFollowMegatronsOrder) {
  const Mesh mesh(kSizes);
  EXPECT_EQ(mesh.stride(MeshAxis::tensor), 1);
  EXPECT_EQ(mesh.stride(MeshAxis::data), 4);
  EXPECT_EQ(mesh.stride(MeshAxis::pipeline), 8);
  EXPECT_EQ(mesh.gpus(), 24);
  EXPECT_EQ(mesh.tensor(), 4);
  EXPECT_EQ(mesh.data(), 2);
  EXPECT_EQ(mesh.pipeline(), 3);
  EXPECT_EQ(mesh.member({3, 1, 2}), (2u * 2u + 1u) * 4u + 3u);
  EXPECT_EQ(mesh.place(9), (MeshPlace{1, 0, 1}));
}

TEST(Mesh, StridesGrowInTheOrderOfTheAxes) {
  const Mesh mesh(kSizes, {MeshAxis::pipeline, MeshAxis::tensor, MeshAxis::data});
  EXPECT_EQ(mesh.stride(MeshAxis::pipeline), 1);
  EXPECT_EQ(mesh.stride(MeshAxis::tensor), 3);
  EXPECT_EQ(mesh.stride(MeshAxis::data), 12);
  EXPECT_EQ(mesh.member({1, 1, 2}), 17u);
  ASSERT_EQ(every_order().size(), 6u);
  for (const MeshOrder& order : every_order()) {
    const Mesh ordered(kSizes, order);
    int stride = 1;
    for (const MeshAxis axis : order) {
      EXPECT_EQ(ordered.stride(axis), stride);
      EXPECT_EQ(ordered.size(axis), kSizes[static_cast<std::size_t>(axis)]);
      stride *= ordered.size(axis);
    }
  }
}

TEST(Mesh, PlaceAndMemberAreInverse) {
  for (const MeshOrder& order : every_order()) {
    const Mesh mesh(kSizes, order);
    std::set<MeshPlace> places;
    for (std::uint32_t member = 0; member < 24; ++member) {
      EXPECT_EQ(mesh.member(mesh.place(member)), member);
      places.insert(mesh.place(member));
    }
    EXPECT_EQ(places.size(), 24u);
  }
}

TEST(Mesh, ACommunicatorIsASliceAlongItsAxes) {
  for (const MeshOrder& order : every_order()) {
    const Mesh mesh(kSizes, order);
    sim::Group group{"tp × pp", {}, mesh.along({MeshAxis::tensor, MeshAxis::pipeline}), {mesh.member({0, 1, 0})}};
    EXPECT_EQ(group.size(), 12);
    std::vector<std::uint32_t> members;
    sim::for_each_member(group, group.bases[0], [&](std::uint32_t member) { members.push_back(member); });
    ASSERT_EQ(members.size(), 12u);
    for (int i = 0; i < 12; ++i) {
      EXPECT_EQ(members[static_cast<std::size_t>(i)], mesh.member({i % 4, 1, i / 4}))
          << "the first axis is the fastest";
    }
  }
  EXPECT_TRUE(Mesh(kSizes).along({}).empty());
}

TEST(Mesh, GroupsCoverTheNodesOfTheirMembers) {
  const auto nodes = [](int count, int stride) {
    return sim::nodes_spanned({"g", {}, {{count, stride}}, {0}}, sim::Placement{0, 8, 1, 8, {}, 0});
  };
  EXPECT_EQ(nodes(1, 1), 1);
  EXPECT_EQ(nodes(8, 1), 1);
  EXPECT_EQ(nodes(16, 1), 2);
  EXPECT_EQ(nodes(4, 2), 1);  // ranks 0 2 4 6
  EXPECT_EQ(nodes(8, 2), 2);
  EXPECT_EQ(nodes(8, 8), 8);  // one rank on each node
  EXPECT_EQ(nodes(2, 64), 2);
}

TEST(Mesh, AxesHaveNames) {
  for (const MeshAxis axis : {MeshAxis::tensor, MeshAxis::data, MeshAxis::pipeline}) {
    EXPECT_EQ(find_mesh_axis(name(axis)), axis);
  }
  EXPECT_EQ(name(MeshAxis::data), "dp");
  EXPECT_FALSE(find_mesh_axis("ep").has_value());
}

TEST(MeshClasses, FoldedPartsTheStagesAndUnfoldedEverything) {
  const Mesh mesh(kSizes);
  const MeshClasses whole = folded(mesh), each = unfolded(mesh);
  EXPECT_EQ(whole.count(MeshAxis::tensor), 1u);
  EXPECT_EQ(whole.of(MeshAxis::tensor)[0], (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(whole.count(MeshAxis::data), 1u);
  EXPECT_EQ(whole.count(MeshAxis::pipeline), 3u);
  EXPECT_EQ(each.count(MeshAxis::tensor), 4u);
  EXPECT_EQ(each.count(MeshAxis::data), 2u);
  EXPECT_EQ(each.count(MeshAxis::pipeline), 3u);
  EXPECT_EQ(each.of(MeshAxis::tensor)[2], (std::vector<int>{2}));
}

TEST(MeshClasses, RefiningPartsWhatAKeyTellsApartAndNoMore) {
  for (const MeshOrder& order : every_order()) {
    const Mesh mesh(kSizes, order);
    EXPECT_EQ(refine(mesh, [](std::uint32_t) { return 7u; }).axes, folded(mesh).axes) << "all alike";
    EXPECT_EQ(refine(mesh, [](std::uint32_t member) { return std::uint64_t{member}; }).axes, unfolded(mesh).axes);
    const std::uint32_t odd = mesh.member({2, 0, 1});
    const MeshClasses one = refine(mesh, [odd](std::uint32_t member) { return member == odd ? 1u : 0u; });
    EXPECT_EQ(one.of(MeshAxis::tensor), (std::vector<std::vector<int>>{{0, 1, 3}, {2}}));
    EXPECT_EQ(one.of(MeshAxis::data), (std::vector<std::vector<int>>{{0}, {1}}));
    EXPECT_EQ(one.count(MeshAxis::pipeline), 3u);
    // Stages are apart anyhow: a key that only they differ by parts nothing else.
    const auto by_stage = refine(mesh, [&](std::uint32_t member) { return std::uint64_t(mesh.place(member)[2]); });
    EXPECT_EQ(by_stage.axes, folded(mesh).axes);
    // Two slow tensor coordinates of one kind are one class.
    const auto slow = refine(mesh, [&](std::uint32_t member) { return std::uint64_t(mesh.place(member)[0] % 2); });
    EXPECT_EQ(slow.of(MeshAxis::tensor), (std::vector<std::vector<int>>{{0, 2}, {1, 3}}));
    EXPECT_EQ(slow.count(MeshAxis::data), 1u);
  }
}

TEST(MeshClasses, MembersOfAProductAreTensorFastest) {
  const Mesh mesh(kSizes, {MeshAxis::data, MeshAxis::pipeline, MeshAxis::tensor});
  const std::vector<std::uint32_t> members = members_of(mesh, {1, 3}, {0, 1}, {2});
  const std::vector<std::uint32_t> expected = {mesh.member({1, 0, 2}), mesh.member({3, 0, 2}), mesh.member({1, 1, 2}),
                                               mesh.member({3, 1, 2})};
  EXPECT_EQ(members, expected);
}

TEST(MeshClasses, EveryMemberStandsInOneClass) {
  const Mesh mesh(kSizes);
  const auto odd = refine(mesh, [](std::uint32_t member) { return member % 5 == 3 ? 1u : 0u; });
  for (const MeshClasses& classes : {folded(mesh), odd, unfolded(mesh)}) {
    std::vector<std::uint32_t> seen;
    for (const auto& stage : classes.of(MeshAxis::pipeline)) {
      for (const auto& data : classes.of(MeshAxis::data)) {
        for (const auto& tensor : classes.of(MeshAxis::tensor)) {
          for (const std::uint32_t member : members_of(mesh, tensor, data, stage)) seen.push_back(member);
        }
      }
    }
    std::sort(seen.begin(), seen.end());
    ASSERT_EQ(seen.size(), 24u);
    for (std::uint32_t member = 0; member < 24; ++member) EXPECT_EQ(seen[member], member);
  }
}

TEST(JobPlacement, FillsNodesUnlessToldOtherwise) {
  TrainingJob job = testing::gpt_job(8, 16, 4);
  EXPECT_EQ(make_placement(job).per_node, 8);
  EXPECT_EQ(make_placement(job).node(8), 1);
  job.placement.first_node = 1;
  job.placement.spread = 2;
  job.placement.per_node = 4;
  EXPECT_EQ(make_placement(job).node(0), 1);
  EXPECT_EQ(make_placement(job).node(4), 3);
  EXPECT_EQ(make_placement(job).gpu(5), 25u);
}

}  // namespace
}  // namespace orrery::models

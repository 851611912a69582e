// Where a job stands: what `placement:` may say, and which board lends another its fits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "scenarios/lent_fits.hpp"
#include "scenarios/placement.hpp"

namespace orrery::scenarios {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Read {
  PlacementConfig placement;
  std::vector<std::string> errors;
};

Read read(const std::string& text, PlacementConfig fallback = {}) {
  const hardware::NodePtr root = hardware::parse_config(text, "s.yaml");
  hardware::Diagnostics diagnostics("s.yaml");
  Read result{read_placement(root->find("placement"), 8, std::move(fallback), diagnostics), {}};
  for (const hardware::Diagnostic& item : diagnostics.items()) {
    result.errors.push_back(std::to_string(item.span.line) + ":" + std::to_string(item.span.column) + " " +
                            item.message);
  }
  return result;
}

TEST(Placement, IsTheFallbackWhereNothingIsSaid) {
  PlacementConfig own;
  own.first_node = 3, own.spread = 2, own.order = {"pp"};
  EXPECT_EQ(read("scenario: s\n", own).placement, own);
  // A section replaces what it says and keeps the rest.
  const Read some = read("placement: {spread: 4}\n", own);
  EXPECT_THAT(some.errors, IsEmpty());
  EXPECT_EQ(some.placement.spread, 4);
  EXPECT_EQ(some.placement.first_node, 3);
  EXPECT_THAT(some.placement.order, ElementsAre("pp"));
}

TEST(Placement, StaysOnTheClustersNodes) {
  EXPECT_THAT(read("placement: {first_node: 7, spread: 8}\n").errors, IsEmpty());
  EXPECT_THAT(read("placement: {first_node: 8}\n").errors, ElementsAre(HasSubstr("'first_node': must be from 0 to 7")));
  EXPECT_THAT(read("placement: {first_node: -1}\n").errors, ElementsAre(HasSubstr("must be from 0 to 7")));
  EXPECT_THAT(read("placement: {spread: 0}\n").errors, ElementsAre(HasSubstr("'spread': must be from 1 to 8")));
  EXPECT_THAT(read("placement: {spread: 9}\n").errors, ElementsAre(HasSubstr("'spread': must be from 1 to 8")));
}

TEST(Placement, NamesEachAxisOnce) {
  EXPECT_THAT(read("placement: {order: [pp, tp, dp]}\n").placement.order, ElementsAre("pp", "tp", "dp"));
  EXPECT_THAT(read("placement: {order: [pp]}\n").errors, IsEmpty()) << "the others follow";
  EXPECT_THAT(read("placement: {order: []}\n").errors,
              ElementsAre(AllOf(HasSubstr("1:"), HasSubstr("'order' names no axis"), HasSubstr("tp, dp, pp"))));
  EXPECT_THAT(read("placement: {order: [tp, ep]}\n").errors,
              ElementsAre(HasSubstr("unknown axis 'ep'; the axes are tp, dp, pp")));
  EXPECT_THAT(read("placement: {order: [tp, dp, tp]}\n").errors,
              ElementsAre(HasSubstr("the axis 'tp' is named twice")));
  // All that is wrong at once.
  EXPECT_EQ(read("placement: {order: [x, x], spread: 0, first: 1}\n").errors.size(), 4U);
}

TEST(LentFits, AreThoseOfKernelsOfABoardWithTheSameChip) {
  hardware::Gpu gpu;
  EXPECT_EQ(lending_board(gpu), "") << "no fits";
  gpu.fits.resize(2);
  gpu.fits[0].key = "nccl/all_reduce/8", gpu.fits[0].of = "h100_sxm";
  gpu.fits[1].key = "gemm/vllm/bf16";
  EXPECT_EQ(lending_board(gpu), "") << "a collective's is bound to the links, and the kernel's is its own";
  gpu.fits[1].of = "h200_sxm";
  EXPECT_EQ(lending_board(gpu), "h200_sxm");
  EXPECT_EQ(lending_board(hardware::load_gpu("h800_sxm")), "h100_sxm");
  EXPECT_EQ(lending_board(hardware::load_gpu("h100_sxm")), "");
  EXPECT_EQ(lent_fits_text("h800_sxm", "h100_sxm"),
            "kernels of h800_sxm are timed by the fits of h100_sxm, which has the same chip, at its rates");
}

}  // namespace
}  // namespace orrery::scenarios

// The picture of a table.
#include <algorithm>

#include <gmock/gmock.h>

#include "hardware/catalogue/catalogue.hpp"
#include "scenarios/collective/collective_table.hpp"

namespace orrery::scenarios {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

CollectiveTable table_of(std::initializer_list<double> sizes) {
  CollectiveQuery query;
  query.cluster = hardware::make_cluster("dgx_h100", "single_node", 1);
  query.gpus = 8;
  for (const double size : sizes) query.sizes.emplace_back(size);
  return predict(query);
}

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(CollectivePlot, HasADotForEachSizeAndAnEntryForEachWay) {
  const CollectiveTable table = table_of({1048576.0, 2097152.0, 268435456.0, 536870912.0});
  const std::string svg = table_svg(table);
  EXPECT_EQ(count(svg, "<circle"), 4);
  EXPECT_EQ(count(svg, "stroke-width='2'"), 3) << "lines between them";
  EXPECT_EQ(count(svg, "<rect"), 1 + 2) << "the ground, and the legend's ways";
  EXPECT_THAT(svg, AllOf(HasSubstr(">ring LL<"), HasSubstr(">nvls Simple<"), HasSubstr("bus bandwidth (GB/s)")));
}

TEST(CollectivePlot, OfOneSizeIsAPictureToo) {
  const std::string svg = table_svg(table_of({1048576.0}));
  EXPECT_EQ(count(svg, "<circle"), 1);
  EXPECT_THAT(svg, AllOf(HasSubstr("</svg>"), Not(HasSubstr("nan")), Not(HasSubstr("inf"))));
}

TEST(CollectivePlot, DrawsMeasurementsAsRings) {
  CollectiveTable table = table_of({1048576.0, 268435456.0});
  table.query.measured.resize(2);
  table.lines[1].measured = Seconds{1e-3};
  const std::string svg = table_svg(table);
  EXPECT_EQ(count(svg, "<circle"), 2 + 1 + 1) << "dots, a measurement, the legend";
  EXPECT_THAT(svg, HasSubstr(">measured<"));
}

TEST(CollectivePlot, WritesNamesAsText) {
  CollectiveTable table = table_of({1048576.0});
  table.query.cluster.groups[0].node.name = "<script>&";
  EXPECT_THAT(table_svg(table), AllOf(HasSubstr("&lt;script>&amp;"), Not(HasSubstr("<script"))));
}

}  // namespace
}  // namespace orrery::scenarios

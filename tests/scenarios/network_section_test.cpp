// `cluster.network:` how it is read and written, and how its mistakes are told.
#include "scenarios/network_section.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace orrery::scenarios {
namespace {

using hardware::NetworkReading;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct Read {
  hardware::NetworkSettings settings;
  std::string errors;
};

/// A cluster whose only key is this one.
Read read(const std::string& network) {
  const hardware::NodePtr root = hardware::parse_config("network: " + network + "\n", "s.yaml");
  hardware::Diagnostics diagnostics("s.yaml");
  hardware::MapReader cluster(root.get(), "cluster", diagnostics);
  Read out;
  out.settings = read_network(cluster, diagnostics);
  for (const hardware::Diagnostic& each : diagnostics.items()) out.errors += each.str() + "\n";
  return out;
}

TEST(NetworkSection, IsReadAndWrittenAsItStands) {
  const Read both = read("{reading: messages, completion_batching: 0.002}");
  EXPECT_EQ(both.errors, "");
  EXPECT_EQ(both.settings.reading, NetworkReading::messages);
  EXPECT_DOUBLE_EQ(both.settings.completion_batching, 0.002);
  EXPECT_EQ(network_json(both.settings).dump(), R"({"completion_batching":0.002,"reading":"messages"})");
  EXPECT_EQ(read("{reading: flows, completion_batching: 0, gpu_shares: false}").settings, hardware::NetworkSettings{});
  const Read shares = read("{gpu_shares: true}");
  EXPECT_TRUE(shares.settings.gpu_shares);
  EXPECT_EQ(network_json(shares.settings).dump(), R"({"gpu_shares":true})");
}

TEST(NetworkSection, IsFlowsThatEndExactlyWhereNobodyAsks) {
  const Read none = read("{}");
  EXPECT_EQ(none.settings.reading, NetworkReading::flows);
  EXPECT_EQ(none.settings.completion_batching, 0.0);
  EXPECT_FALSE(none.settings.gpu_shares);
  EXPECT_TRUE(network_json(none.settings).empty());
}

TEST(NetworkSection, MistakesAreToldAtTheirPlace) {
  EXPECT_THAT(read("{reading: mesages}").errors, AllOf(HasSubstr("s.yaml:1:20"), HasSubstr("messages")));
  EXPECT_THAT(read("{readings: flows}").errors, AllOf(HasSubstr("s.yaml:1:11"), HasSubstr("reading")));
  EXPECT_THAT(read("{completion_batching: 0.5}").errors, AllOf(HasSubstr("s.yaml:1:32"), HasSubstr("0.1")));
  EXPECT_THAT(read("{gpu_shares: 0.3}").errors, HasSubstr("s.yaml:1:23"));
  EXPECT_THAT(read("{completion_batching: -0.001}").errors, HasSubstr("completion_batching"));
  EXPECT_THAT(read("{completion_batching: nan}").errors, HasSubstr("completion_batching"));
  EXPECT_THAT(read("messages").errors, HasSubstr("s.yaml:1:"));
}

}  // namespace
}  // namespace orrery::scenarios

// Serving on a World, from the file to the report: the engine's key, placement, links and events.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "hardware/config/config.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/report_json.hpp"
#include "scenarios/schema_fields.hpp"
#include "scenarios/serving/job.hpp"
#include "tests/scenarios/serving/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Scenario read(const std::string& text) { return parse_scenario(text, "world.yaml"); }

std::string error_of(const std::string& text) {
  try {
    (void)read(text);
    return "";
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
}

nlohmann::ordered_json json_of(const Report& report) { return nlohmann::ordered_json::parse(to_json({report})); }

TEST(EngineKey, IsTheUsualOneWhereNoneIsNamed) {
  const std::string named = replaced(small_serving(), "scheduler: vllm_v1", "engine: vllm_v1");
  nlohmann::ordered_json a = json_of(run_scenario(read(small_serving()))), b = json_of(run_scenario(read(named)));
  a.erase("engine");
  b.erase("engine");
  EXPECT_EQ(a.dump(), b.dump());
  EXPECT_EQ(a["scenario"]["serving"]["scheduler"], "vllm_v1");
  EXPECT_FALSE(a["scenario"]["serving"].contains("engine"));
}

TEST(EngineKey, OfAnotherNameIsToldWithTheNearest) {
  EXPECT_THAT(error_of(replaced(small_serving(), "scheduler: vllm_v1", "engine: vlm_v1")),
              AllOf(HasSubstr("world.yaml:6:11"), HasSubstr("did you mean"), HasSubstr("vllm_v1")));
}

TEST(EngineKey, IsListedAndAMenu) {
  const Outcome listed = orrery({"list", "engines"});
  EXPECT_EQ(listed.code, kExitWell);
  EXPECT_THAT(listed.out, AllOf(HasSubstr("vllm_v1"), HasSubstr("steps from a batch queue")));
  EXPECT_THAT(choices_of("engines"), ElementsAre(Field(&Choice::name, "vllm_v1"), Field(&Choice::name, "sglang"),
                                                 Field(&Choice::name, "trtllm"), Field(&Choice::name, "tgi")));
}

/// TP 16 over two nodes of two, or TP 8 inside each.
std::string on_nodes(int tensor, const std::string& more = "") {
  return "scenario: \"nodes\"\n"
         "model: llama-3-8b\n"
         "cluster: {node: dgx_h100, nodes: 4, fabric: rail_fat_tree_ndr}\n"
         "serving:\n"
         "  tensor_parallel: " +
         std::to_string(tensor) +
         "\n"
         "  max_model_len: 4096\n"
         "  load: {rate: 4, requests: 20, input: 512, output: 16}\n" +
         more;
}

TEST(ServingLinks, OfAGroupAcrossNodesAreReported) {
  const Report report = run_scenario(read(on_nodes(16)));
  EXPECT_EQ(report.reading, "flows");
  const nlohmann::ordered_json json = json_of(report);
  EXPECT_EQ(json["engine"]["reading"], "flows");
  std::vector<std::string> classes;
  for (const auto& line : json["links"]) {
    classes.push_back(line["class"]);
    EXPECT_GT(line["bytes"].get<double>(), 0.0);
  }
  EXPECT_THAT(classes, Contains("nic"));
  const Report inside = run_scenario(read(on_nodes(8)));
  EXPECT_EQ(inside.reading, "frozen");
  EXPECT_THAT(inside.links, IsEmpty());
  EXPECT_FALSE(json_of(inside).contains("links"));
}

double tpot(const std::string& text) { return run_scenario(read(text)).metric("serving.tpot_s.mean"); }

TEST(ServingEvents, ASlowGpuSlowsTheEngineAndATurnedOffOneIsAFinding) {
  const double usual = tpot(on_nodes(8));
  EXPECT_GT(tpot(on_nodes(8, "events:\n  - {at: 0 s, gpu: 3, scale: 0.5}\n")), 1.2 * usual);
  EXPECT_EQ(tpot(on_nodes(8, "events:\n  - {at: 0 s, gpu: 8, scale: 0.5}\n")), usual);  // on another node
  const Report down = run_scenario(read(on_nodes(8, "events:\n  - {at: 0 s, gpu: 3, down: true}\n")));
  ASSERT_THAT(down.findings, Not(IsEmpty()));
  EXPECT_EQ(down.findings.front().kind, "disturbed");
  EXPECT_THAT(down.findings.front().message, HasSubstr("GPU 3"));
}

TEST(ServingEvents, ASlowNicSlowsOnlyWhoLoadsIt) {
  const std::string event = "events:\n  - {at: 0 s, link: node0.nic3.out, scale: 0.1}\n";
  EXPECT_GT(tpot(on_nodes(16, event)), 1.01 * tpot(on_nodes(16)));
  EXPECT_EQ(tpot(on_nodes(8, event)), tpot(on_nodes(8)));
  const Report slow = run_scenario(read(on_nodes(16, event)));
  std::vector<std::string> held_up;
  for (const sim::LinkReport& link : slow.links) {
    for (const sim::HeldUpOperation& one : link.held_up) held_up.push_back(one.operation);
  }
  EXPECT_THAT(held_up, Contains("iterations (replica 0)"));
}

std::vector<std::uint32_t> gpus_of(const std::string& text) {
  const Scenario scenario = read(text);
  return scenario.jobs.at(0).kind->occupied(*scenario.jobs.at(0).spec);
}

TEST(ServingPlacement, SpreadAndOrderAreHonoured) {
  const auto placed = [](const std::string& placement) {
    return replaced(on_nodes(16), "rail_fat_tree_ndr", "rail_fat_tree_ndr, placement: {" + placement + "}");
  };
  EXPECT_THAT(gpus_of(on_nodes(16)), AllOf(SizeIs(16), Contains(15), Not(Contains(16))));
  EXPECT_THAT(gpus_of(placed("spread: 2")), AllOf(SizeIs(16), Contains(16), Contains(23), Not(Contains(8))));
  EXPECT_THAT(gpus_of(placed("first_node: 1, spread: 2")), AllOf(Contains(8), Contains(31), Not(Contains(0))));
  EXPECT_THAT(error_of(placed("first_node: 2, spread: 2")),
              AllOf(HasSubstr("world.yaml:5:"), HasSubstr("does not fit"), HasSubstr("GPU 32")));
  // Replicas first: the groups of two leave their nodes.
  const std::string pairs =
      replaced(placed("order: [dp, tp]"), "tensor_parallel: 16", "tensor_parallel: 2\n  replicas: 8");
  const std::string inside = replaced(on_nodes(16), "tensor_parallel: 16", "tensor_parallel: 2\n  replicas: 8");
  EXPECT_EQ(gpus_of(pairs), gpus_of(inside));
  EXPECT_EQ(run_scenario(read(inside)).reading, "frozen");
  EXPECT_EQ(run_scenario(read(pairs)).reading, "flows");
  EXPECT_GT(tpot(pairs), tpot(inside));
}

TEST(ServingPlacement, OfTwoJobsMayInterleave) {
  const auto two = [](const std::string& second) {
    return "scenario: \"two\"\n"
           "model: llama-3-8b\n"
           "cluster: {node: dgx_h100, nodes: 4, fabric: rail_fat_tree_ndr}\n"
           "jobs:\n"
           "  - name: a\n"
           "    placement: {spread: 2}\n"
           "    serving: {tensor_parallel: 16, max_model_len: 4096, load: {rate: 4, requests: 10, input: 512, output: "
           "8}}\n"
           "  - name: b\n"
           "    placement: {" +
           second +
           "}\n"
           "    serving: {tensor_parallel: 16, max_model_len: 4096, load: {rate: 4, requests: 10, input: 512, output: "
           "8}}\n";
  };
  const Report report = run_scenario(read(two("first_node: 1, spread: 2")));
  EXPECT_EQ(report.reading, "flows");
  EXPECT_EQ(report.metric("jobs.a.serving.requests"), 10.0);
  EXPECT_THAT(report.links, Not(IsEmpty()));
  EXPECT_THAT(error_of(two("first_node: 2")), AllOf(HasSubstr("world.yaml:9:29:"), HasSubstr("GPU 16")));
}

}  // namespace
}  // namespace orrery::scenarios::testing

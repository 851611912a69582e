// Profiles of nodes, fabrics and boards of the same silicon: every limit, every complaint, and what is taken over.
#include "hardware/catalogue/profile_reader.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "tests/hardware/profile_texts.hpp"

namespace orrery::hardware {
namespace {

namespace fs = std::filesystem;
using testing::edited_profile;
using ::testing::HasSubstr;
using testing::message_of;
using testing::parse_gpu;
using ::testing::StartsWith;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

const std::string kNode =
    "title: A node\nnode:\n  gpus: 8\n  gpu: h100_sxm\n  nvswitch: true\n  in_network_reduction: true\n  nics: 8\n"
    "  nic_bandwidth: 400 Gb/s\n  nic_latency: 0.6 us\n  pcie_bandwidth: 64 GB/s\n  host_memory_bandwidth: 600 GB/s\n"
    "  host_memory: 2 TB\nsources:\n  default: \"a datasheet\"\n  nics: \"a manual\"\n";

const std::string kFabric =
    "title: A fabric\nfabric:\n  kind: fat_tree\n  link_bandwidth: 400 Gb/s\n  switch_latency: 150 ns\n"
    "  cable_latency: 100 ns\n  leaf_ports: 32\n  pod_leaves: 16\n  max_nodes: 100\nsources:\n  default: \"a "
    "datasheet\"\n";

Node node_of(const std::string& text) { return read_node(*parse_config(text, "n.yaml"), "n.yaml", "mine"); }
Fabric fabric_of(const std::string& text) { return read_fabric(*parse_config(text, "f.yaml"), "f.yaml", "mine"); }

std::string node_error(const std::string& from, const std::string& to) {
  return message_of([&] { return node_of(replaced(kNode, from, to)); });
}
std::string fabric_error(const std::string& from, const std::string& to) {
  return message_of([&] { return fabric_of(replaced(kFabric, from, to)); });
}

TEST(NodeProfile, ReadsItsFiguresInBaseUnits) {
  const Node node = node_of(kNode);
  EXPECT_EQ(node.name, "mine");
  EXPECT_EQ(node.title, "A node");
  EXPECT_EQ(node.gpus, 8);
  EXPECT_EQ(node.nic_bandwidth, 50_GBps) << "400 Gb/s";
  EXPECT_DOUBLE_EQ(node.nic_latency.value(), 0.6e-6);
  EXPECT_EQ(node.host_memory.value(), 2e12);
  EXPECT_TRUE(node.in_network_reduction);
  EXPECT_EQ(node.sources.at("nics"), "a manual");
  EXPECT_EQ(node.sources.at("gpus"), "a datasheet");
  EXPECT_EQ(node.sources.size(), 10u) << "one for each fact of the file";
}

TEST(NodeProfile, NamesEachMistakeAtItsPlace) {
  EXPECT_EQ(node_error("gpus: 8", "gpus: 0"), "n.yaml:3:9: 'gpus': must be from 1 to 1024, found '0'");
  EXPECT_EQ(node_error("gpus: 8", "gpus: 1025"), "n.yaml:3:9: 'gpus': must be from 1 to 1024, found '1025'");
  EXPECT_EQ(node_error("nics: 8", "nics: -1"), "n.yaml:7:9: 'nics': must be from 0 to 1024, found '-1'");
  EXPECT_EQ(node_error("  nvswitch: true\n", ""), "n.yaml:5:25: in-network reduction needs an NVSwitch");
  EXPECT_EQ(node_error("400 Gb/s", "0 Gb/s"), "n.yaml:8:18: 'nic_bandwidth': must be greater than 0, found '0 Gb/s'");
  EXPECT_EQ(node_error("  host_memory: 2 TB\n", ""), "n.yaml:3:3: 'node': the key 'host_memory' is missing");
  EXPECT_EQ(node_error("  nics: \"a manual\"", "  nisc: \"a manual\""),
            "n.yaml:15:3: 'nisc' is the source of no fact of this file");
  EXPECT_THAT(node_error("title: A node\n", ""), StartsWith("n.yaml:1:1: 'profile': the key 'title' is missing"));
  EXPECT_EQ(node_error("nvswitch: true", "nvswitch: yes"),
            "n.yaml:5:13: 'nvswitch': expected true or false, found 'yes'\n"
            "n.yaml:6:25: in-network reduction needs an NVSwitch");
}

TEST(NodeProfile, NeedsSourcesThatSaySomething) {
  EXPECT_EQ(node_error("  default: \"a datasheet\"\n  nics: \"a manual\"\n", "  - a datasheet\n"),
            "n.yaml:14:3: 'sources': expected a mapping (key: value), found a list");
  EXPECT_EQ(node_error("sources:\n  default: \"a datasheet\"\n  nics: \"a manual\"\n", ""),
            "n.yaml:1:1: 'profile': the key 'sources' is missing");
  EXPECT_EQ(node_error("\"a manual\"", "\"\""), "n.yaml:15:9: 'nics' names no source");
}

TEST(FabricProfile, OfOneNodeNeedsNoSwitches) {
  const std::string alone =
      "title: None\nfabric:\n  kind: single_node\n  max_nodes: 1\nsources:\n  default: \"by definition\"\n";
  const Fabric fabric = fabric_of(alone);
  EXPECT_EQ(fabric.kind, FabricKind::single_node);
  EXPECT_EQ(fabric.leaf_ports, 0);
  EXPECT_EQ(message_of([&] { return fabric_of(replaced(alone, "max_nodes: 1", "max_nodes: 2")); }),
            "f.yaml:4:14: 'max_nodes': a single_node fabric holds 1 node");
  EXPECT_EQ(message_of([&] { return fabric_of(replaced(alone, "max_nodes: 1", "max_nodes: 1\n  leaf_ports: 4")); }),
            "f.yaml:5:3: 'fabric': unknown key 'leaf_ports'; valid keys: kind, max_nodes");
}

TEST(FabricProfile, NamesEachMistakeAtItsPlace) {
  EXPECT_EQ(fabric_of(kFabric).oversubscription, 1.0) << "as wide up as down unless it is said";
  EXPECT_EQ(fabric_error("max_nodes: 100", "max_nodes: 100\n  oversubscription: 0.5"),
            "f.yaml:10:21: 'oversubscription': must be from 1 to 1000, found '0.5'");
  EXPECT_EQ(fabric_error("max_nodes: 100", "max_nodes: 100\n  core_oversubscription: 1001"),
            "f.yaml:10:26: 'core_oversubscription': must be from 1 to 1000, found '1001'");
  EXPECT_EQ(fabric_of(kFabric).transport_share, 0.0) << "that of NCCL's figures, unless it is said";
  const Fabric other = fabric_of(
      replaced(kFabric, "max_nodes: 100", "max_nodes: 100\n  transport_share: 0.9\n  transport_latency: 65 us"));
  EXPECT_EQ(other.transport_share, 0.9);
  EXPECT_EQ(other.transport_latency, Seconds{65e-6});
  EXPECT_EQ(fabric_error("max_nodes: 100", "max_nodes: 100\n  transport_share: 1.1"),
            "f.yaml:10:20: 'transport_share': must be from 0.01 to 1, found '1.1'");
  EXPECT_EQ(fabric_error("kind: fat_tree", "kind: hexagon"),
            "f.yaml:3:9: 'kind': 'hexagon' is not valid; expected one of: single_node, rail_fat_tree, fat_tree, "
            "dual_plane, dragonfly, sites, torus")
      << "and nothing of the other keys";
  EXPECT_EQ(fabric_error("pod_leaves: 16", "pod_leaves: 0"),
            "f.yaml:8:15: 'pod_leaves': must be from 1 to 65536, found '0'");
  EXPECT_EQ(fabric_error("leaf_ports: 32", "leaf_ports: 1025"),
            "f.yaml:7:15: 'leaf_ports': must be from 1 to 1024, found '1025'");
  EXPECT_EQ(fabric_error("max_nodes: 100", "max_nodes: 1000001"),
            "f.yaml:9:14: 'max_nodes': must be from 1 to 1000000, found '1000001'");
  EXPECT_EQ(fabric_error("leaf_ports: 32", "leaf_ports: 32.5"),
            "f.yaml:7:15: 'leaf_ports': expected a whole number, found '32.5'");
  EXPECT_EQ(fabric_error("150 ns", "150"),
            "f.yaml:5:19: 'switch_latency': '150' has no unit; a duration needs one of: ps, ns, us, ms, s, min, h, d");
}

TEST(FabricProfile, OfOtherShapesHasKeysOfItsOwn) {
  const std::string torus = replaced(replaced(kFabric, "fat_tree", "torus"), "  leaf_ports: 32\n  pod_leaves: 16\n",
                                     "  axes: 3\n  ring_multiple: 4\n");
  EXPECT_EQ(fabric_of(torus).axes, 3);
  EXPECT_EQ(fabric_of(torus).leaf_ports, 0);
  EXPECT_EQ(message_of([&] { return fabric_of(replaced(torus, "axes: 3", "axes: 0")); }),
            "f.yaml:7:9: 'axes': must be from 1 to 6, found '0'");
  EXPECT_EQ(message_of([&] { return fabric_of(replaced(torus, "400 Gb/s", "0 Gb/s")); }),
            "f.yaml:4:19: 'link_bandwidth': must be greater than 0, found '0 Gb/s'");
  const std::string sites = replaced(replaced(kFabric, "fat_tree", "sites"), "  pod_leaves: 16\n",
                                     "  global_links: 2\n  global_bandwidth: 100 Gb/s\n  global_latency: 1 ms\n");
  EXPECT_EQ(fabric_of(sites).pod_leaves, 1);
  EXPECT_EQ(message_of([&] { return fabric_of(replaced(sites, "1 ms", "-1 ms")); }),
            "f.yaml:10:19: 'global_latency': must be at least 0, found '-1 ms'");
  EXPECT_EQ(message_of([&] { return fabric_of(replaced(kFabric, "fat_tree", "dual_plane")); }),
            "f.yaml:3:3: 'fabric': the key 'planes' is missing");
}

TEST(Silicon, TakesTheMeasuredFitsOfTheSameChip) {
  const Gpu h100 = load_gpu("h100_sxm"), h800 = load_gpu("h800_sxm");
  const Fit* gemm = h800.find_fit("gemm/trtllm/bf16");
  ASSERT_NE(gemm, nullptr);
  EXPECT_EQ(gemm->of, "h100_sxm");
  EXPECT_EQ(gemm->coefficients, h100.find_fit("gemm/trtllm/bf16")->coefficients) << "efficiencies are the chip's";
  // The links are cut: what was measured over 450 GB/s does not hold over 200.
  for (const Fit& fit : h800.fits) EXPECT_FALSE(fit.is_collective()) << fit.key;
  ASSERT_EQ(gemm->residuals.size(), 1u) << "not the residuals of the other board, but what such a transfer errs by";
  EXPECT_EQ(gemm->residuals[0].group, "transfer");
  EXPECT_EQ(gemm->residuals[0].median, h800.generation.transfer.at("gemm").median);
}

TEST(Silicon, OfTheSameLinksTakesTheCollectivesAlong) {
  // The 96 GB board has the H100's links.
  const Gpu h100 = load_gpu("h100_sxm");
  const Gpu sister = parse_gpu(edited_profile("h800_sxm", "nvlink_bandwidth: 200 GB/s", "nvlink_bandwidth: 450 GB/s"));
  ASSERT_EQ(h100.nvlink_bandwidth, 450_GBps);
  EXPECT_EQ(sister.fits.size(), h100.fits.size());
  for (const Fit& fit : h100.fits) EXPECT_NE(sister.find_fit(fit.key), nullptr) << fit.key;
}

TEST(Silicon, AFitOfItsOwnGoesFirst) {
  const std::string own =
      "\nfits:\n  gemm/trtllm/bf16:\n    source: mine\n    date: 2026-01-01\n    split: none\n"
      "    coefficients: {floor_us: 1}\n";
  const Gpu gpu = parse_gpu(edited_profile("h800_sxm", "title:", "title:") + own);
  EXPECT_EQ(gpu.find_fit("gemm/trtllm/bf16")->source, "mine");
  EXPECT_EQ(gpu.find_fit("gemm/trtllm/bf16")->of, "");
  EXPECT_EQ(gpu.find_fit("gemm/trtllm/fp8")->of, "h100_sxm");
}

TEST(Silicon, RefusesABoardThatCannotLend) {
  const auto error = [](const std::string& silicon) {
    return message_of(
        [&] { return parse_gpu(edited_profile("h800_sxm", "silicon: h100_sxm", "silicon: " + silicon)); });
  };
  EXPECT_EQ(error("h20_sxm"), "g.yaml:4:10: 'h20_sxm' was not measured itself: name a board that was");
  EXPECT_EQ(error("a100_sxm"), "g.yaml:4:10: 'a100_sxm' is of the generation ampere, not hopper");
  EXPECT_THAT(error("h100_smx"), HasSubstr("g.yaml:4:10: 'silicon': 'h100_smx' is not valid; did you mean 'h100_sxm'"));
}

TEST(SwitchLaws, AreTheNodesLawOfAnotherBoardWithTheSameLinks) {
  const Gpu gb200 = load_gpu("gb200"), b200 = load_gpu("b200_sxm"), gb300 = load_gpu("gb300");
  const Fit* sister = gb200.find_fit("nccl/node/sister");
  ASSERT_NE(sister, nullptr);
  EXPECT_EQ(sister->of, "b200_sxm");
  EXPECT_EQ(sister->coefficients, b200.find_fit("nccl/node")->coefficients);
  EXPECT_TRUE(gb200.find_fit("nccl/node")->of.empty()) << "its own goes first";
  ASSERT_NE(gb300.find_fit("nccl/node/sister"), nullptr) << "lent on with the rest";
  EXPECT_EQ(gb300.find_fit("nccl/node/sister")->of, "b200_sxm") << "by the name of the board that was measured";
}

TEST(SwitchLaws, RefuseABoardThatCannotLend) {
  const auto error = [](const std::string& board) {
    return message_of(
        [&] { return parse_gpu(edited_profile("gb200", "switch_laws: b200_sxm", "switch_laws: " + board)); });
  };
  EXPECT_THAT(error("b200_smx"), HasSubstr("'switch_laws': 'b200_smx' is not valid; did you mean 'b200_sxm'"));
  EXPECT_THAT(error("gb200"), HasSubstr("'gb200' has none of its own"));
  EXPECT_THAT(error("l40s"), HasSubstr("'l40s' has no law of a node (nccl/node)"));
  EXPECT_THAT(error("h100_sxm"), HasSubstr("'h100_sxm' has links of another rate"));
}

TEST(Fits, AreReadStrictly) {
  const std::string facts = edited_profile("h800_sxm", "silicon: h100_sxm", "# ");
  const std::string fit =
      "\nfits:\n- key: gemm/trtllm/bf16\n  source: t\n  date: d\n  split: s\n  coefficients: {floor_us: 1}\n";
  const auto error = [&](const std::string& from, const std::string& to) {
    return message_of([&] { return parse_gpu(facts + replaced(fit, from, to)); });
  };
  EXPECT_EQ(parse_gpu(facts + fit).fits.size(), 1u);
  EXPECT_THAT(error("  source: t\n", ""), HasSubstr("the key 'source' is missing"));
  EXPECT_THAT(error("{floor_us: 1}", "{floor_us: fast}"), HasSubstr("'floor_us': expected a number, found 'fast'"));
  EXPECT_THAT(error("  split: s\n", "  split: s\n  spilt: s\n"),
              HasSubstr("unknown key 'spilt'; did you mean 'split'"));
  EXPECT_THAT(error("  split: s\n", "  split: s\n  residuals: [{group: g, rows: -1, median: 0, p95: 0}]\n"),
              HasSubstr("'rows': must be from 0 to 2000000000, found '-1'"));
  EXPECT_THAT(error("  split: s\n", "  split: s\n  residuals: good\n"),
              HasSubstr("'residuals': expected a list of residuals"));
  EXPECT_THAT(message_of([&] { return parse_gpu(facts + "\nfits: none\n"); }),
              HasSubstr("'fits': expected a list of fits"));
}

TEST(GenerationProfile, ErrorsOfATransferAreAMapping) {
  const std::string text = read_text_file((data_root() / "hardware/profiles/generations/volta.yaml").string());
  ASSERT_EQ(text.find("\ntransfer:"), std::string::npos);
  const auto error = [&](const std::string& transfer) {
    const std::string edited = text + "transfer: " + transfer + "\n";
    return message_of([&] { return read_generation(*parse_config(edited, "g.yaml"), "g.yaml", "g"); });
  };
  EXPECT_THAT(error("small"), HasSubstr("'transfer': expected a mapping (key: value), found a single value"));
  EXPECT_THAT(error("{gemm: {rows: 0, median: 0, p95: 0}}"), HasSubstr("'rows': must be from 1 to 2000000000"));
}

TEST(OwnProfiles, AreNamedByTheirFile) {
  EXPECT_TRUE(is_profile_path("./mine"));
  EXPECT_TRUE(is_profile_path("mine.yaml"));
  EXPECT_TRUE(is_profile_path("/"));
  EXPECT_FALSE(is_profile_path(".yaml")) << "an ending of nothing";
  EXPECT_FALSE(is_profile_path("h100_sxm"));
  EXPECT_FALSE(is_profile_path("mine.yml"));
  EXPECT_FALSE(is_profile_path(""));
}

TEST(OwnProfiles, StandAnywhereAndNameTheGpuBesideThem) {
  const fs::path folder = fs::path(::testing::TempDir()) / "orrery_own_profiles";
  fs::remove_all(folder);
  fs::create_directories(folder);
  std::ofstream(folder / "board.yaml") << edited_profile("h100_sxm", "NVIDIA H100", "My H100");
  std::ofstream(folder / "box.yaml") << replaced(kNode, "gpu: h100_sxm", "gpu: ./board.yaml");
  std::ofstream(folder / "bad name.yaml") << kNode;
  const std::string box = (folder / "box.yaml").string();
  EXPECT_EQ(load_node(box).name, "box");
  EXPECT_EQ(load_gpu(load_node(box).gpu).title, "My H100 SXM5 80 GB");
  const Cluster cluster = make_cluster(box, "single_node", 1);
  EXPECT_EQ(cluster.gpu_names(), "board");
  EXPECT_EQ(message_of([&] { return load_node((folder / "bad name.yaml").string()); }),
            "'" + (folder / "bad name.yaml").string() +
                "': a profile is called as its file: letters, digits, '_', '-', '.' and '+', then .yaml");
  EXPECT_EQ(message_of([&] { return load_node((folder / "none.yaml").string()); }),
            (folder / "none.yaml").string() + ": no such file");
  fs::remove_all(folder);
}

TEST(OwnProfiles, ANodeWithoutACardSaysNothingOfOne) {
  const fs::path path = fs::path(::testing::TempDir()) / "orrery_without_card.yaml";
  const std::string text = replaced(kNode, "  nic_bandwidth: 400 Gb/s\n  nic_latency: 0.6 us\n", "");
  std::ofstream(path) << text;
  EXPECT_THAT(message_of([&] { return load_node(path.string()); }),
              ::testing::AllOf(::testing::HasSubstr("the key 'nic_bandwidth' is missing"),
                               ::testing::HasSubstr("the key 'nic_latency' is missing")));
  std::ofstream(path) << replaced(text, "nics: 8", "nics: 0");
  const Node node = load_node(path.string());
  EXPECT_EQ(node.nic_bandwidth, BytesPerSecond{});
  EXPECT_EQ(node.nic_latency, Seconds{});
  EXPECT_NO_THROW((void)make_cluster(path.string(), "single_node", 1));
  fs::remove(path);
}

TEST(OwnProfiles, ANodeWithoutACardStandsAlone) {
  const fs::path path = fs::path(::testing::TempDir()) / "orrery_cardless.yaml";
  std::ofstream(path) << replaced(kNode, "nics: 8", "nics: 0");
  EXPECT_NO_THROW((void)make_cluster(path.string(), "fat_tree_ndr", 1));
  EXPECT_EQ(message_of([&] { return make_cluster(path.string(), "fat_tree_ndr", 2); }),
            "the node 'orrery_cardless' has no network card: it can't be one of 2 nodes");
  fs::remove(path);
}

}  // namespace
}  // namespace orrery::hardware

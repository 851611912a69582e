// The profiles in hardware/profiles and their loader.

#include "hardware/catalogue/catalogue.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "hardware/catalogue/profile_reader.hpp"
#include "hardware/config/config.hpp"
#include "tests/hardware/profile_texts.hpp"

namespace orrery::hardware {
namespace {

namespace fs = std::filesystem;

using testing::edited_profile;
using testing::message_of;
using testing::parse_gpu;

/// Sets a variable of the environment for one scope.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() {
    if (old_.empty()) {
      ::unsetenv(name_);
    } else {
      ::setenv(name_, old_.c_str(), 1);
    }
  }

 private:
  const char* name_;
  std::string old_;
};

TEST(Catalogue, ListsTheContractNamesInOrder) {
  const auto gpus = gpu_names();
  EXPECT_TRUE(std::is_sorted(gpus.begin(), gpus.end()));
  for (const char* name : {"a100_sxm", "a100_sxm_40gb", "a100_pcie", "a800_sxm", "h100_sxm", "h800_sxm", "h200_sxm",
                           "b200_sxm", "gb200", "l40s", "rtx_pro_6000_server", "rtx_4090"}) {
    EXPECT_TRUE(std::binary_search(gpus.begin(), gpus.end(), name)) << name;
  }
  EXPECT_EQ(fabric_names().size(), 13u);
  EXPECT_GE(node_names().size(), 12u);
}

TEST(Catalogue, LoadsEveryProfileWithASourceForEveryFigure) {
  for (const std::string& name : gpu_names()) {
    const Gpu gpu = load_gpu(name);
    EXPECT_EQ(gpu.name, name);
    const char* const peak = gpu.generation.name == "tpu" ? "peak.bf16" : "peak.fp16";
    for (const char* fact : {"sm_count", "boost_clock", "vector_peak", peak, "memory", "reserved_memory",
                             "memory_bandwidth", "l2_size", "l2_bandwidth", "nvlink_bandwidth", "nvlink_latency",
                             "pcie_bandwidth", "pcie_latency", "power", "price", "kernel_launch", "kernel_gap"}) {
      ASSERT_EQ(gpu.sources.count(fact), 1u) << name << " " << fact;
      EXPECT_GE(gpu.sources.at(fact).size(), 10u) << name << " " << fact;
    }
  }
  for (const std::string& name : node_names()) {
    const Node node = load_node(name);
    // The processors and their sockets are told where NCCL's choice depends on them, cables where there is no switch.
    std::size_t facts = node.nics > 0 ? 10 : 8;
    for (const char* fact : {"cpu", "sockets", "nvlink_mesh", "mesh_bandwidth"}) facts += node.sources.count(fact);
    EXPECT_EQ(node.sources.size(), facts) << name;
    EXPECT_NO_THROW((void)load_gpu(node.gpu)) << name;
  }
  for (const std::string& name : fabric_names()) EXPECT_FALSE(load_fabric(name).sources.empty()) << name;
}

TEST(Catalogue, HoldsPlausibleFigures) {
  for (const std::string& name : gpu_names()) {
    const Gpu gpu = load_gpu(name);
    // On-chip memory is faster and smaller than the memory behind it.
    EXPECT_GT(gpu.l2_bandwidth, gpu.memory_bandwidth) << name;
    EXPECT_LT(gpu.l2_size * 100.0, gpu.memory) << name;
    EXPECT_LT(gpu.reserved_memory * 20.0, gpu.memory) << name;
    if (gpu.generation.name == "tpu") continue;  // systolic arrays are no SMs
    // Lanes of fp32: 64 (until Ampere's data centre boards) or 128 per SM, 2 FLOP per clock each. The datasheets of
    // the Blackwell boards are rounded.
    const double lanes = gpu.vector_peak.value() / (2.0 * gpu.sm_count * gpu.boost_clock.value());
    const bool has_fp64_units = name.rfind("a100", 0) == 0 || name == "a800_sxm" || name == "a30";
    const bool before_ampere = gpu.generation.name == "volta" || gpu.generation.name == "turing";
    const double expected = before_ampere || has_fp64_units ? 64.0 : 128.0;
    EXPECT_NEAR(lanes, expected, 0.25 * expected) << name;
    EXPECT_EQ(gpu.peak.has(Dtype::bf16), !before_ampere) << name;
    if (before_ampere) continue;
    EXPECT_EQ(gpu.matrix_peak(Dtype::fp16), gpu.matrix_peak(Dtype::bf16)) << name;
    EXPECT_GE(*gpu.matrix_peak(Dtype::bf16), *gpu.matrix_peak(Dtype::tf32)) << name;
  }
}

TEST(Catalogue, KnowsThePublishedFiguresOfTheA100AndTheH100) {
  const Gpu a100 = load_gpu("a100_sxm");
  EXPECT_EQ(a100.matrix_peak(Dtype::bf16)->value(), 312e12);
  EXPECT_EQ(a100.memory.value(), 80.0 * 1073741824);
  EXPECT_EQ(a100.memory_bandwidth.value(), 2039e9);
  EXPECT_EQ(a100.nvlink_bandwidth.value(), 300e9);
  EXPECT_FALSE(a100.multiplies(Dtype::fp8));
  const Gpu h100 = load_gpu("h100_sxm");
  // 132 SMs x 4096 dense bf16 FLOP per clock x 1.83 GHz = 989.4 TFLOP/s (whitepaper)
  EXPECT_NEAR(h100.matrix_peak(Dtype::bf16)->value(), 132.0 * 4096.0 * 1.83e9, 1e11);
  EXPECT_EQ(h100.sm_count, 132);
}

TEST(Catalogue, NamesTheNearestProfileForAnUnknownOne) {
  EXPECT_EQ(message_of([] { return load_gpu("h100_smx"); }),
            "unknown GPU 'h100_smx'; did you mean 'h100_sxm', 'a100_sxm' or 'h200_sxm'?");
  EXPECT_EQ(message_of([] { return load_node("dgx-h100"); }).substr(0, 48),
            "unknown node 'dgx-h100'; did you mean 'dgx_h100'");
  EXPECT_NE(message_of([] { return load_fabric("hexagon"); }).find("; known: dragonfly_hdr, "), std::string::npos);
  EXPECT_NE(message_of([] { return load_gpu("../nodes/dgx_h100"); }).find("no such file"), std::string::npos);
}

TEST(Catalogue, FollowsOrreryHome) {
  const fs::path home = fs::path(::testing::TempDir()) / "orrery_home";
  fs::remove_all(home);
  fs::create_directories(home / "hardware/profiles/gpus");
  fs::copy(data_root() / "hardware/profiles/generations", home / "hardware/profiles/generations");
  std::ofstream(home / "hardware/profiles/gpus/mine.yaml") << edited_profile("h100_sxm", "NVIDIA H100", "My H100");
  {
    const Variable variable("ORRERY_HOME", home.string());
    EXPECT_EQ(data_root(), home);
    EXPECT_EQ(gpu_names(), std::vector<std::string>{"mine"});
    EXPECT_EQ(load_gpu("mine").title, "My H100 SXM5 80 GB");
    EXPECT_TRUE(node_names().empty());
  }
  const Variable variable("ORRERY_HOME", "/nowhere");
  EXPECT_EQ(message_of([] { return data_root(); }), "ORRERY_HOME=/nowhere: no folder hardware/profiles there");
  fs::remove_all(home);
}

TEST(GpuProfile, RefusesAFactWithoutASource) {
  const std::string text = edited_profile("h100_sxm", "  default:", "  sm_count:");
  const std::string message = message_of([&] { return parse_gpu(text); });
  EXPECT_NE(message.find("the fact 'vector_peak' has no source"), std::string::npos) << message;
  EXPECT_NE(message.find("the fact 'peak.bf16' has no source"), std::string::npos) << message;
  EXPECT_EQ(message.find("'sm_count'"), std::string::npos) << message;
}

TEST(GpuProfile, RefusesASourceOfNothing) {
  const std::string text = edited_profile("h100_sxm", "sources:\n", "sources:\n  sm_cuont: \"a whitepaper\"\n");
  EXPECT_NE(message_of([&] { return parse_gpu(text); }).find("'sm_cuont' is the source of no fact"), std::string::npos);
  const std::string empty = edited_profile("h100_sxm", "sources:\n", "sources:\n  sm_count: \"\"\n");
  EXPECT_NE(message_of([&] { return parse_gpu(empty); }).find("'sm_count' names no source"), std::string::npos);
}

TEST(GpuProfile, ReportsEveryMistakeTogetherWithItsPlace) {
  std::string text = edited_profile("h100_sxm", "sm_count: 132", "sm_count: 0");
  text.replace(text.find("    bf16:"), 9, "    bf61:");
  text.replace(text.find("50 MiB"), 6, "50 Mib");
  const std::string message = message_of([&] { return parse_gpu(text); });
  EXPECT_NE(message.find("g.yaml:6:13: 'sm_count': must be from 1 to 4096, found '0'"), std::string::npos) << message;
  EXPECT_NE(message.find("'peak': unknown key 'bf61'; did you mean 'bf16'"), std::string::npos) << message;
  EXPECT_NE(message.find("'Mib' is not a unit of a size"), std::string::npos) << message;
}

TEST(GpuProfile, ReadsFitsAsAListOrAMapping) {
  const std::string facts = edited_profile("h100_sxm", "sources:", "sources:");
  const std::string fits =
      "fits:\n- key: gemm/trtllm/bf16\n  source: \"table\"\n  date: 2025-01-01\n  split: by hash\n"
      "  coefficients: {z: 0.5, a: 1e-6}\n"
      "  residuals: [{group: seen, rows: 3, median: 0.1, p95: 0.2}]\n  families_seen: \"AACAAB\"\n";
  const std::string mapping =
      "fits:\n  gemm/trtllm/bf16:\n    source: table\n    date: 2025-01-01\n    split: by hash\n"
      "    coefficients: {z: 0.5, a: 1e-6}\n"
      "    residuals: [{group: seen, rows: 3, median: 0.1, p95: 0.2}]\n    families_seen: \"AACAAB\"\n";
  const std::string above = facts.substr(0, facts.find("\nfits:"));
  for (const std::string& form : {fits, mapping}) {
    const Gpu gpu = parse_gpu(above + "\n" + form);
    const Fit* fit = gpu.find_fit("gemm/trtllm/bf16");
    ASSERT_NE(fit, nullptr);
    EXPECT_EQ(fit->coefficients.at(0).first, "z");  // the order of the file
    EXPECT_EQ(fit->coefficient("a"), 1e-6);
    EXPECT_EQ(fit->coefficient("b"), std::nullopt);
    EXPECT_EQ(fit->families_seen, (std::vector<std::uint32_t>{1, 2}));
    EXPECT_EQ(fit->residuals.at(0).rows, 3);
    EXPECT_EQ(gpu.find_fit("gemm"), nullptr);
  }
  const std::string twice = fits + fits.substr(6);
  EXPECT_NE(message_of([&] { return parse_gpu(above + "\n" + twice); }).find("stands twice"), std::string::npos);
}

std::string with_fit(const std::string& rest) {
  const std::string facts = edited_profile("h100_sxm", "sources:", "sources:");
  return facts.substr(0, facts.find("\nfits:")) +
         "\nfits:\n- key: gemm/trtllm/bf16\n  source: table\n  date: 2025-01-01\n  split: by hash\n  coefficients: {a: "
         "1}\n" +
         rest;
}

TEST(GpuProfile, ReadsSurfacesOfAFit) {
  // Codes 256, 266 and 246 of nine bits: no residual, ten steps up, ten down.
  const Gpu gpu = parse_gpu(with_fit("  surfaces:\n  - axes: {n: [5, 7.25, 9]}\n    step: 0.01\n    factors: gEKew\n"));
  const Fit* fit = gpu.find_fit("gemm/trtllm/bf16");
  ASSERT_TRUE(fit != nullptr && fit->surfaces.size() == 1);
  const Surface& surface = fit->surfaces[0];
  EXPECT_EQ(surface.axes.at(0).coordinate, "n");
  EXPECT_EQ(surface.axes.at(0).knots, (std::vector<double>{5, 7.25, 9}));
  ASSERT_EQ(surface.factors.size(), 3u);
  EXPECT_DOUBLE_EQ(surface.factors[0], 1.0);
  EXPECT_DOUBLE_EQ(surface.factors[1], std::exp(0.1));
  EXPECT_DOUBLE_EQ(surface.factors[2], std::exp(-0.1));
}

TEST(GpuProfile, RefusesSurfacesThatAreNone) {
  const auto refusal = [](const std::string& axes, const std::string& factors) {
    return message_of([&] {
      return parse_gpu(
          with_fit("  surfaces:\n  - axes: {" + axes + "}\n    step: 0.01\n    factors: \"" + factors + "\"\n"));
    });
  };
  const auto says = [](const std::string& message, const char* what) {
    return message.find(what) != std::string::npos;
  };
  std::string many = "  surfaces:\n";
  for (int i = 0; i < 9; ++i) many += "  - axes: {n: [5, 7]}\n    step: 0.001\n    factors: \"gEA\"\n";
  EXPECT_TRUE(says(message_of([&] { return parse_gpu(with_fit(many)); }), "at most 8 of them"));
  std::string steep = "  surfaces:\n";  // code 511 of step 0.05 is e^12.75
  for (int i = 0; i < 2; ++i) steep += "  - axes: {n: [5, 7]}\n    step: 0.05\n    factors: \"___\"\n";
  EXPECT_TRUE(says(message_of([&] { return parse_gpu(with_fit(steep)); }), "by a factor of 1000 at most"));
  EXPECT_TRUE(says(refusal("n: [5]", "gA"), "'n': expected two knots or more, ascending multiples of 0.25"));
  EXPECT_TRUE(says(refusal("n: [7, 5]", "gCA"), "ascending multiples of 0.25"));
  EXPECT_TRUE(says(refusal("n: [5, 7.1]", "gCA"), "ascending multiples of 0.25"));
  EXPECT_TRUE(says(refusal("n: [5, 7]", "gC"), "'factors': expected 2 numbers of 9 bits in base64url"));
  EXPECT_TRUE(says(refusal("n: [5, 7]", "g+A"), "'factors': expected 2 numbers of 9 bits in base64url"));
  EXPECT_TRUE(says(refusal("a: [1, 2], b: [1, 2], c: [1, 2], d: [1, 2]", "gA"), "'axes': expected one to 3 of them"));
  EXPECT_TRUE(says(message_of([&] { return parse_gpu(with_fit("  families_seen: \"A+A\"\n")); }),
                   "'families_seen': expected hashes of 18 bits in base64url"));
}

TEST(Gpu, ComputesADtypeInWhatTheHardwareHas) {
  const Gpu h100 = load_gpu("h100_sxm");
  EXPECT_EQ(h100.matrix_peak(Dtype::int4), h100.matrix_peak(Dtype::bf16));
  EXPECT_EQ(h100.matrix_peak(Dtype::fp8_block), h100.matrix_peak(Dtype::fp8));
  EXPECT_EQ(h100.matrix_peak(Dtype::fp32), h100.vector_peak);
  // Widened in the kernel, which is not multiplying them.
  EXPECT_EQ(h100.matrix_peak(Dtype::nvfp4), h100.matrix_peak(Dtype::bf16));
  EXPECT_FALSE(h100.multiplies(Dtype::nvfp4));
  EXPECT_TRUE(h100.multiplies(Dtype::fp8_block));
  const Gpu a100 = load_gpu("a100_sxm"), t4 = load_gpu("t4");
  EXPECT_EQ(a100.matrix_peak(Dtype::fp8_block), a100.matrix_peak(Dtype::bf16));
  EXPECT_FALSE(a100.multiplies(Dtype::fp8_block));
  EXPECT_EQ(t4.matrix_peak(Dtype::bf16), std::nullopt);
  EXPECT_EQ(t4.matrix_peak(Dtype::fp8), t4.matrix_peak(Dtype::fp16));
  EXPECT_EQ(load_gpu("b200_sxm").matrix_peak(Dtype::nvfp4)->value(), 9e15);
}

TEST(Cluster, GivesEachGpuItsShareOfTheNetwork) {
  // 8 x 400 Gb/s for 8 GPUs: 50 GB/s each, below PCIe Gen5 (64 GB/s).
  EXPECT_EQ(make_cluster("dgx_h100", "rail_fat_tree_ndr", 2).site(0).network_bandwidth_per_gpu().value(), 50e9);
  // One 200 Gb/s card for 8 GPUs: 25 / 8 = 3.125 GB/s each.
  EXPECT_EQ(make_cluster("a100_pcie_box", "fat_tree_hdr", 2).site(0).network_bandwidth_per_gpu().value(), 3.125e9);
  // 400 Gb/s cards on 200 Gb/s switches run at 25 GB/s.
  EXPECT_EQ(make_cluster("dgx_h100", "rail_fat_tree_hdr", 2).site(0).network_bandwidth_per_gpu().value(), 25e9);
}

TEST(Cluster, PrefersNvlinkInsideANode) {
  EXPECT_EQ(make_cluster("dgx_a100", "single_node", 1).site(0).node_bandwidth_per_gpu().value(), 300e9);
  EXPECT_EQ(make_cluster("l40s_box", "single_node", 1).site(0).node_bandwidth_per_gpu().value(), 32e9);
  // A PCIe board in an NVSwitch node has no NVLink to use.
  EXPECT_EQ(make_cluster("dgx_a100", "single_node", 1, "a100_pcie").site(0).node_bandwidth_per_gpu().value(), 32e9);
}

TEST(Cluster, CountsGpusAndTakesAnotherGpuOnRequest) {
  const Cluster cluster = make_cluster("dgx_a100", "rail_fat_tree_hdr", 35, "a100_sxm_40gb");
  EXPECT_EQ(cluster.gpu_count(), 280);
  EXPECT_EQ(cluster.groups[0].node.gpus, 8);
  EXPECT_EQ(cluster.groups[0].gpu.name, "a100_sxm_40gb");
}

TEST(Cluster, RefusesWhatTheFabricCannotHold) {
  EXPECT_EQ(message_of([] { return make_cluster("dgx_h100", "single_node", 2); }),
            "the fabric 'single_node' holds at most 1 node, found 2");
  EXPECT_EQ(message_of([] { return make_cluster("dgx_h100", "single_node", 0); }),
            "a cluster needs at least 1 node, found 0");
  EXPECT_NE(message_of([] { return make_cluster("dgx_h10", "single_node", 1); }).find("unknown node"),
            std::string::npos);
}

bool is_collective(const std::string& key) {
  return key.rfind("nccl/", 0) == 0 || key.rfind("custom_allreduce/", 0) == 0 || key.rfind("expert_exchange/", 0) == 0;
}

TEST(Catalogue, MeasuredCollectivesNeedTheSwitchTheyWereMeasuredOn) {
  const auto collectives = [](const Cluster& cluster) {
    return std::count_if(cluster.groups[0].gpu.fits.begin(), cluster.groups[0].gpu.fits.end(),
                         [](const Fit& fit) { return is_collective(fit.key); });
  };
  EXPECT_GT(collectives(make_cluster("dgx_h100", "single_node", 1)), 0);
  EXPECT_EQ(collectives(make_cluster("l40s_box", "single_node", 1, "h100_sxm")), 0) << "NVLink fits, PCIe node";
  EXPECT_GT(collectives(make_cluster("rtx_pro_6000_box", "single_node", 1)), 0) << "measured over PCIe";
}

TEST(Cluster, KnowsItsLeavesAndPods) {
  // Racks of 2 nodes, 192 racks a pod; 32 ports of 8-card nodes and 32 leaves; rails: 32 nodes, 32/8 sets.
  EXPECT_EQ(make_cluster("dgx_h100", "fat_tree_ndr_oversubscribed_7to1", 2).site(0).nodes_per_pod(), 384);
  EXPECT_EQ(make_cluster("dgx_h100", "fat_tree_ndr", 2).site(0).nodes_per_leaf(), 4);
  EXPECT_EQ(make_cluster("dgx_h100", "fat_tree_ndr", 2).site(0).nodes_per_pod(), 128);
  EXPECT_EQ(make_cluster("dgx_h100", "rail_fat_tree_ndr", 2).site(0).nodes_per_pod(), 128);
  EXPECT_EQ(make_cluster("dgx_h100", "single_node", 1).site(0).nodes_per_pod(), 0);
}

TEST(Cluster, AnotherMemoryRateIsNamedInTheSourcesOfKernelFits) {
  Cluster cluster = make_cluster("dgx_h100", "single_node", 1);
  const Cluster before = cluster;
  set_memory_bandwidth(cluster.groups[0].gpu, before.groups[0].gpu.memory_bandwidth);
  EXPECT_EQ(cluster.groups[0].gpu.sources, before.groups[0].gpu.sources);
  set_memory_bandwidth(cluster.groups[0].gpu, BytesPerSecond{1e12});
  ASSERT_EQ(cluster.groups[0].gpu.fits.size(), before.groups[0].gpu.fits.size());
  for (std::size_t i = 0; i < cluster.groups[0].gpu.fits.size(); ++i) {
    const bool kernel = !is_collective(cluster.groups[0].gpu.fits[i].key);
    const bool named = cluster.groups[0].gpu.fits[i].source.find("used at 1000 GB/s") != std::string::npos;
    EXPECT_EQ(named, kernel) << cluster.groups[0].gpu.fits[i].key;
  }
  EXPECT_NE(cluster.groups[0].gpu.sources.at("memory_bandwidth").find("changed by the scenario"), std::string::npos);
}

}  // namespace
}  // namespace orrery::hardware

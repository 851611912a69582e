// What holds for every kernel on every GPU, tried on random ones of all families.
#include <cmath>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/family.hpp"
#include "tests/kernels/random_kernels.hpp"
#include "tests/kernels/toy_gpu.hpp"

namespace orrery::kernels {
namespace {

std::unique_ptr<KernelTimer> fitted() { return timers()[1].make(); }

/// A GPU on which every format is multiplied, so that no kernel is refused.
hardware::Gpu able_gpu() {
  hardware::Gpu gpu = tests::hopper_gpu();
  for (const Dtype dtype : all_dtypes()) gpu.peak[dtype] = FlopsPerSecond{1e15 / element_size(dtype).value()};
  return gpu;
}

bool is_computable(const Kernel& kernel, const hardware::Gpu& gpu) {
  try {
    static_cast<void>(roofline(kernel, gpu));
    return true;
  } catch (const std::invalid_argument&) {
    return false;
  }
}

/// The kernel with more to do: twice its batch, tokens, elements or bytes.
Kernel doubled(const Kernel& kernel) {
  Kernel out = kernel;
  if (auto* s = std::get_if<GemmShape>(&out)) s->batch *= 2;
  if (auto* s = std::get_if<AttentionPrefillShape>(&out)) s->batch *= 2;
  if (auto* s = std::get_if<AttentionDecodeShape>(&out)) s->batch *= 2, s->kv_tokens *= 2;
  if (auto* s = std::get_if<MoeShape>(&out)) s->tokens *= 2;
  if (auto* s = std::get_if<MemoryShape>(&out)) s->elements *= 2, s->read *= 2.0, s->written *= 2.0;
  if (auto* s = std::get_if<HostCopyShape>(&out)) s->bytes *= 2.0;
  return out;
}

TEST(KernelProperties, WorkIsFiniteAndWhatIsReadOrWrittenIsNotNegative) {
  tests::RandomKernels kernels(1);
  for (int i = 0; i < 5000; ++i) {
    const Kernel kernel = kernels.next();
    const Work need = work(kernel);
    ASSERT_TRUE(std::isfinite(need.flops.value()) && std::isfinite(need.bytes().value())) << describe(kernel);
    ASSERT_GE(need.flops.value(), 0.0) << describe(kernel);
    ASSERT_GE(need.read.value(), 0.0) << describe(kernel);
    ASSERT_GE(need.written.value(), 0.0) << describe(kernel);
    ASSERT_EQ(need.bytes(), need.read + need.written);
    ASSERT_GT(need.bytes().value(), 0.0) << "something is moved: " << describe(kernel);
  }
}

TEST(KernelProperties, TwiceAsManyIsTwiceTheFlopsAndNoLessBytes) {
  tests::RandomKernels kernels(2);
  for (int i = 0; i < 5000; ++i) {
    const Kernel kernel = kernels.next(), twice = doubled(kernel);
    ASSERT_EQ(check(twice), "") << describe(twice);
    ASSERT_DOUBLE_EQ(work(twice).flops.value(), 2.0 * work(kernel).flops.value()) << describe(kernel);
    // Which experts a few tokens of a skewed load wake up is an estimate.
    const auto* moe = std::get_if<MoeShape>(&kernel);
    if (moe != nullptr && moe->load != ExpertLoad::balanced) continue;
    ASSERT_GE(work(twice).bytes().value(), work(kernel).bytes().value()) << describe(kernel);
    ASSERT_LE(work(twice).bytes().value(), 2.0 * work(kernel).bytes().value() * (1 + 1e-12)) << describe(kernel);
  }
}

TEST(KernelProperties, DescriptionsAreOneLineOfPrintableAsciiThatStartsWithWhatItIs) {
  tests::RandomKernels kernels(3);
  for (int i = 0; i < 2000; ++i) {
    const Kernel kernel = kernels.next();
    const std::string text = describe(kernel);
    for (const char c : text) ASSERT_TRUE(c >= ' ' && c <= '~') << text;
    const auto* memory = std::get_if<MemoryShape>(&kernel);
    std::string first(memory != nullptr ? name(memory->op) : family(kernel));
    if (std::holds_alternative<HostCopyShape>(kernel)) first = "host copy";
    ASSERT_EQ(text.rfind(first + " ", 0), 0u) << text;
  }
}

TEST(KernelProperties, NoTimerBeatsTheRooflineOnAnyBoard) {
  tests::RandomKernels kernels(4);
  for (const std::string& name : hardware::gpu_names()) {
    const hardware::Gpu gpu = hardware::load_gpu(name);
    for (const TimerRow& row : timers()) {
      const auto bound = row.make();
      const auto timer = bound->bind(gpu);
      for (int i = 0; i < 300; ++i) {
        const Kernel kernel = kernels.next();
        if (!is_computable(kernel, gpu)) continue;
        const Seconds time = timer->time(kernel);
        ASSERT_GE(time, roofline(kernel, gpu)) << row.name << ' ' << name << ' ' << describe(kernel);
        ASSERT_TRUE(std::isfinite(time.value())) << row.name << ' ' << name << ' ' << describe(kernel);
      }
    }
  }
}

TEST(KernelProperties, WhatAGpuCannotComputeEveryTimerRefusesAlike) {
  tests::RandomKernels kernels(5);
  const hardware::Gpu t4 = hardware::load_gpu("t4");  // no bf16
  int refused = 0;
  for (int i = 0; i < 1000; ++i) {
    const Kernel kernel = kernels.next();
    if (is_computable(kernel, t4)) continue;
    ++refused;
    for (const TimerRow& row : timers()) {
      EXPECT_THROW((void)row.make()->time(kernel, t4), std::invalid_argument) << describe(kernel);
      EXPECT_THROW((void)row.make()->explain(kernel, t4), std::invalid_argument) << describe(kernel);
    }
  }
  EXPECT_GT(refused, 50);
}

TEST(KernelProperties, ARooflineOfAGpuTwiceAsFastIsHalf) {
  tests::RandomKernels kernels(6);
  const hardware::Gpu gpu = able_gpu();
  hardware::Gpu twice = gpu;
  for (const Dtype dtype : all_dtypes()) twice.peak[dtype] *= 2.0;
  twice.vector_peak *= 2.0, twice.memory_bandwidth *= 2.0, twice.l2_bandwidth *= 2.0, twice.pcie_bandwidth *= 2.0;
  for (int i = 0; i < 3000; ++i) {
    const Kernel kernel = kernels.next();
    ASSERT_DOUBLE_EQ(roofline(kernel, twice).value(), 0.5 * roofline(kernel, gpu).value()) << describe(kernel);
  }
}

TEST(KernelProperties, NoFasterPartMakesAGpuSlower) {
  tests::RandomKernels kernels(7);
  const hardware::Gpu gpu = able_gpu();
  std::vector<hardware::Gpu> faster(5, gpu);
  for (const Dtype dtype : all_dtypes()) faster[0].peak[dtype] *= 1.7;
  faster[1].memory_bandwidth *= 1.7;
  faster[2].l2_bandwidth *= 1.7;
  faster[3].pcie_bandwidth *= 1.7;
  faster[4].vector_peak *= 1.7;
  const auto timer = fitted();
  for (int i = 0; i < 2000; ++i) {
    const Kernel kernel = kernels.next();
    const double time = timer->time(kernel, gpu).value();
    for (const hardware::Gpu& other : faster) {
      ASSERT_LE(timer->time(kernel, other).value(), time * (1 + 1e-12)) << describe(kernel);
    }
  }
}

TEST(KernelProperties, ExplanationsAddUpToTheTimeAndNameTheFitThatPriced) {
  tests::RandomKernels kernels(8);
  for (const char* name : {"h100_sxm", "h800_sxm", "a100_sxm", "b200_sxm", "rtx_4090", "t4"}) {
    const hardware::Gpu gpu = hardware::load_gpu(name);
    for (const TimerRow& row : timers()) {
      const auto timer = row.make();
      for (int i = 0; i < 300; ++i) {
        const Kernel kernel = kernels.next();
        if (!is_computable(kernel, gpu)) continue;
        const Estimate estimate = timer->explain(kernel, gpu);
        ASSERT_EQ(estimate.time, timer->time(kernel, gpu)) << describe(kernel);
        Seconds most;
        for (const Term& term : estimate.terms) {
          most = max(most, term.time);
          EXPECT_FALSE(term.equation.empty() || term.source.empty()) << term.name << ' ' << describe(kernel);
        }
        ASSERT_EQ(most, estimate.time) << describe(kernel);
        const hardware::Fit* fit = gpu.find_fit(estimate.fit_key);
        ASSERT_EQ(fit == nullptr, estimate.fit_key.empty()) << estimate.fit_key;
        if (estimate.provenance == Provenance::measured) {
          EXPECT_TRUE(fit != nullptr && fit->of.empty()) << describe(kernel);
        }
        if (estimate.provenance == Provenance::published) {
          EXPECT_TRUE(fit != nullptr && !fit->of.empty()) << describe(kernel);
        }
        EXPECT_TRUE(row.name != "roofline" || fit == nullptr);
      }
    }
  }
}

/// The largest share by which the model's time falls when the coefficient changes by `factor`.
double falls_by(const FamilyRow& row, std::size_t coefficient, double factor, const hardware::Gpu& gpu,
                std::uint64_t seed) {
  tests::RandomKernels kernels(seed);
  const std::vector<double> values = row.model.defaults(gpu);
  std::vector<double> changed = values;
  changed[coefficient] *= factor;
  double most = 0.0;
  for (int tried = 0; tried < 150;) {
    const Kernel kernel = kernels.next();
    if (!row.holds(kernel)) continue;
    ++tried;
    const double before = row.model.time(kernel, gpu, values).value();
    most = std::max(most, 1.0 - row.model.time(kernel, gpu, changed).value() / before);
  }
  return most;
}

TEST(ModelProperties, TimesGrowWhenEfficienciesShrinkAndWhenCostsGrow) {
  const hardware::Gpu gpu = able_gpu();
  std::uint64_t seed = 100;
  for (const FamilyRow& row : families()) {
    for (std::size_t i = 0; i < row.model.names.size(); ++i) {
      const std::string_view name = row.model.names[i];
      const bool efficiency = name.substr(0, 2) == "e_";
      const bool cost =
          name.size() > 3 && (name.substr(name.size() - 3) == "_us" || name.substr(name.size() - 3) == "_ns");
      if (!efficiency && !cost) continue;
      EXPECT_LE(falls_by(row, i, efficiency ? 0.5 : 2.0, gpu, ++seed), 1e-12) << row.name << ' ' << name;
    }
  }
}

TEST(ModelProperties, EveryCoefficientCountsForSomeKernel) {
  // A coefficient that changes nothing could be fitted to anything.
  for (const FamilyRow& row : families()) {
    for (std::size_t i = 0; i < row.model.names.size(); ++i) {
      bool counts = false;
      for (const char* generation : {"ampere", "hopper", "blackwell"}) {
        hardware::Gpu gpu = able_gpu();
        gpu.generation = hardware::load_generation(generation);
        counts = counts || falls_by(row, i, 0.5, gpu, 7) > 1e-9 || falls_by(row, i, 2.0, gpu, 7) > 1e-9;
      }
      EXPECT_TRUE(counts) << row.name << ' ' << row.model.names[i];
    }
  }
}

}  // namespace
}  // namespace orrery::kernels

// The search for the best tile and split leaves out what can't be the best: it must find what a search of all finds.
#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/gemm/gemm.hpp"
#include "tests/kernels/toy_gpu.hpp"

namespace orrery::kernels {
namespace {

using Tiles = std::vector<std::pair<double, double>>;

const Tiles kFine = {{16, 64},   {16, 128},  {32, 64},   {64, 32},   {64, 64},   {64, 128}, {128, 64},  {128, 96},
                     {96, 128},  {64, 192},  {192, 64},  {128, 128}, {64, 256},  {256, 64}, {128, 160}, {160, 128},
                     {128, 192}, {192, 128}, {128, 256}, {256, 128}, {192, 192}, {256, 256}};
const Tiles kPower = {{16, 64},   {32, 64},  {64, 64},  {64, 128},  {128, 64},
                      {128, 128}, {64, 256}, {256, 64}, {128, 256}, {256, 128}};
const Tiles kBlock = {{128, 128}, {128, 256}, {256, 128}, {256, 256}};

/// The model's equation (gemm_time.cpp) in microseconds, every tile and split tried. `width`: bytes of an operand
/// element.
class Search {
 public:
  Search(const GemmShape& s, const hardware::Gpu& gpu, const std::vector<double>& coefficients) : s_(s), gpu_(gpu) {
    const std::vector<std::string_view> names = gemm_model().names;
    for (std::size_t i = 0; i < names.size(); ++i) c_[std::string(names[i])] = coefficients[i];
  }

  double best(const Tiles& tiles, double width) const {
    double least = 1e300;
    for (const auto& [bm, bn] : tiles) {
      if (!can_win(bm, bn)) continue;
      for (const double split : {1, 2, 3, 4, 6, 8, 12, 16, 32}) least = std::min(least, time(bm, bn, split, width));
    }
    return least + of("floor_us") + (width < 2.0 ? scaling(width) : 0.0);
  }

 private:
  double scaling(double width) const {
    const double elements = batch() * m() * k();
    const bool in_l2 = 2.0 * elements <= of("e_capacity") * gpu_.l2_size.value();
    const double rate = (in_l2 ? gpu_.l2_bandwidth : gpu_.memory_bandwidth).value() * 1e-6;
    return of("scale_us") + elements * (4.0 + width) / (of("e_scale") * rate);
  }

  double of(const char* name) const { return c_.at(name); }
  double m() const { return static_cast<double>(s_.m); }
  double n() const { return static_cast<double>(s_.n); }
  double k() const { return static_cast<double>(s_.k); }
  double batch() const { return static_cast<double>(s_.batch); }
  double ctas(double bm, double bn) const { return std::ceil(m() / bm) * std::ceil(n() / bn) * batch(); }
  double overlapped(double a, double b) const { return std::max(a, b) + of("overlap") * std::min(a, b); }

  bool can_win(double bm, double bn) const {
    const bool large = ctas(128, 128) > 16.0 * gpu_.sm_count;
    return !(bm > 128 && bm >= 2 * m()) && !(bn > 128 && bn >= 2 * n()) && !(bm * bn < 96 * 128 && large);
  }

  double dram() const {
    const double weights = batch() * n() * k() * element_size(s_.dtype).value();
    const double outer = batch() * m() * (k() * 2.0 + n() * (s_.accumulate ? 8.0 : 2.0));
    const bool cold = s_.weights == CacheState::cold;
    const double spilled = std::max(0.0, outer + (cold ? 0.0 : weights) - of("e_capacity") * gpu_.l2_size.value());
    return ((cold ? weights : 0.0) + spilled) / (of("e_memory") * gpu_.memory_bandwidth.value() * 1e-6);
  }

  double time(double bm, double bn, double split, double width) const {
    const double all = ctas(bm, bn) * split, sms = gpu_.sm_count;
    const bool splits = s_.dtype != Dtype::nvfp4 && s_.dtype != Dtype::fp8_block;
    if (split > 1 && (!splits || split * 128 > k() || all > 2 * sms)) return 1e300;
    const double flops = 2 * batch() * m() * n() * k();
    const double slowdown = 1 + of("droop") * flops / (flops + of("droop_gflop") * 1e9);
    const double rate = of("e_compute") * gpu_.matrix_peak(s_.dtype)->value() * 1e-6 / sms / slowdown;
    const double bytes = 128 * gpu_.boost_clock.value() * 1e-6;
    const double per_k =
        overlapped(2 * bm * bn / rate, (bm + bn) * width / (of("e_operand") * bytes)) + of("latency_ns") * 1e-3 / 64;
    const double depth = std::ceil(k() / (split * 64)) * 64;
    const double waves =
        (1 - of("quantisation")) * std::max(all / sms, 1.0) + of("quantisation") * std::ceil(all / sms);
    const double sm = waves * (depth * per_k + bm * bn * 2 / (of("e_store") * bytes));
    const double cost =
        split > 1 ? of("split_us") + 8 * split * batch() * m() * n() / (of("e_l2") * gpu_.l2_bandwidth.value() * 1e-6)
                  : 0.0;
    return overlapped(sm, dram()) + cost;
  }

  GemmShape s_;
  const hardware::Gpu& gpu_;
  std::map<std::string, double> c_;
};

GemmShape random_shape(std::mt19937_64& random, Dtype dtype) {
  const auto side = [&](double most) {
    return static_cast<std::int64_t>(std::exp2(std::log2(most) * static_cast<double>(random() % 100000) / 1e5));
  };
  GemmShape s;
  s.dtype = dtype, s.m = side(20000), s.n = 8 * side(8000), s.k = 8 * side(8000);
  s.batch = random() % 4 == 0 ? side(64) : 1;
  s.weights = random() % 2 == 0 ? CacheState::cold : CacheState::warm;
  s.accumulate = random() % 4 == 0;
  return s;
}

void expect_best(const hardware::Gpu& gpu, Dtype dtype, const Tiles& tiles, double width) {
  std::mt19937_64 random(20261122);
  for (int i = 0; i < 4000; ++i) {
    const GemmShape shape = random_shape(random, dtype);
    std::vector<double> c = gemm_model().defaults(gpu);
    for (std::size_t j = 0; j < c.size(); ++j) {
      const auto [least, most] = gemm_model().bounds[j];
      c[j] = std::clamp(c[j] * std::exp2(static_cast<double>(random() % 2001) / 1000.0 - 1.0), least, most);
    }
    const double all = Search(shape, gpu, c).best(tiles, width);
    const double us = gemm_model().time(shape, gpu, c).value() * 1e6;
    ASSERT_NEAR(us, all, 1e-13 * all) << shape.m << 'x' << shape.n << 'x' << shape.k << " batch " << shape.batch;
  }
}

TEST(GemmSearch, FindsTheBestOfAllFineTiles) { expect_best(tests::hopper_gpu(), Dtype::bf16, kFine, 2.0); }

TEST(GemmSearch, FindsTheBestOfTilesOfPowersOfTwo) {
  hardware::Gpu gpu = tests::hopper_gpu();
  gpu.generation.gemm_tiles = hardware::GemmTiles::powers_of_two;
  expect_best(gpu, Dtype::bf16, kPower, 2.0);
}

TEST(GemmSearch, FindsTheBestOfTilesOfBlocks) {
  hardware::Gpu gpu = tests::hopper_gpu();
  gpu.peak[Dtype::nvfp4] = FlopsPerSecond{4e15};
  expect_best(gpu, Dtype::nvfp4, kBlock, 0.5625);
}

}  // namespace
}  // namespace orrery::kernels

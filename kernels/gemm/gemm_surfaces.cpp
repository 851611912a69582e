// What libraries do beyond the equation of a multiplication: which kernel a heuristic takes for a shape.
//
// Three surfaces: whole tiles of 64 rows against n and k; fewer rows than a tile, against coarser n and k; and how many
// waves of 128 × 128 tiles there are, where split-K and stream-K come in, against k. m counts in whole tiles, so that
// within one the surface is flat as the equation is.
// Limitations: a batch is more waves of the same matrices; layouts and epilogues are not told apart.
#include "kernels/gemm/gemm.hpp"
#include "kernels/rounding.hpp"

namespace orrery::kernels {
namespace {

enum Place : std::size_t { kM, kTiles, kN, kK, kWaves };

constexpr double kRows = 64.0, kTile = 128.0;

bool locate_gemm(const Kernel& kernel, const hardware::Gpu& gpu, Coordinates& at) {
  const GemmShape& s = std::get<GemmShape>(kernel);
  const double m = static_cast<double>(s.m), n = static_cast<double>(s.n), k = static_cast<double>(s.k);
  at[kM] = octaves(m);
  at[kTiles] = octaves(ceil_of_count(m / kRows) * kRows);
  at[kN] = octaves(n);
  at[kK] = octaves(k);
  at[kWaves] = octaves(static_cast<double>(s.batch) * ceil_of_count(m / kTile) * ceil_of_count(n / kTile) /
                       static_cast<double>(gpu.sm_count));
  return true;
}

template <std::int64_t GemmShape::*kSize>
Kernel grown(const Kernel& kernel, double by) {
  GemmShape s = std::get<GemmShape>(kernel);
  s.*kSize = grown_size(s.*kSize, by);
  return s;
}

}  // namespace

void add_gemm_surfaces(FittedModel& model) {
  const std::vector<double> fine = {5, 7, 9, 10, 11, 12, 13, 14, 16}, coarse = {5, 9, 11, 13, 16};
  model.coordinates = {"m", "m_tiles", "n", "k", "waves"};
  model.locate = locate_gemm;
  model.grown = {grown<&GemmShape::m>, grown<&GemmShape::n>, grown<&GemmShape::k>};
  model.surfaces = {{{kTiles, {6, 7, 8, 9, 10, 11, 12, 13, 15}}, {kN, fine}, {kK, fine}},
                    {{kM, {0, 2, 4, 5, 6}}, {kN, coarse}, {kK, coarse}},
                    {{kWaves, {-6, -3, -2, -1, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 5}},
                     {kK, {5, 8, 10, 12, 14, 16}}}};
}

}  // namespace orrery::kernels

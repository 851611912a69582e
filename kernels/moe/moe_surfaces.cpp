// What expert blocks do beyond their equation: grouped GEMMs of one library switch tiles by rows, experts and widths.
//
// Rows of the rank against its experts and their width; rows of one expert against the ranks of the group and how
// unevenly tokens fall.
// Limitations: forward passes alone; the hidden size is in the equation only.
#include <algorithm>

#include "kernels/moe/expert_load.hpp"
#include "kernels/moe/moe.hpp"

namespace orrery::kernels {
namespace {

enum Place : std::size_t { kRows, kExperts, kWidth, kRowsOfExpert, kRanks, kLoad };

bool locate_moe(const Kernel& kernel, const hardware::Gpu&, Coordinates& at) {
  const MoeShape& s = std::get<MoeShape>(kernel);
  if (s.pass == Pass::backward) return false;
  const ExpertLoadOfRank load = expert_load(s);
  const double ranks = static_cast<double>(s.expert_parallel);
  at[kRows] = octaves(std::max(1.0, load.rows));
  at[kExperts] = octaves(std::max(1.0, static_cast<double>(s.experts) / ranks));
  at[kWidth] = octaves(std::max(1.0, static_cast<double>(s.inter) / static_cast<double>(s.tensor_parallel)));
  at[kRowsOfExpert] = octaves(std::max(1.0, load.rows / std::max(1.0, load.active)));
  at[kRanks] = octaves(ranks);
  at[kLoad] = static_cast<double>(s.load);
  return true;
}

Kernel more_tokens(const Kernel& kernel, double by) {
  MoeShape s = std::get<MoeShape>(kernel);
  s.tokens = grown_size(s.tokens, by);
  return s;
}

// In units of what the tensor-parallel ranks share.
Kernel wider_experts(const Kernel& kernel, double by) {
  MoeShape s = std::get<MoeShape>(kernel);
  s.inter = grown_size(s.inter / s.tensor_parallel, by) * s.tensor_parallel;
  return s;
}

}  // namespace

void add_moe_surfaces(FittedModel& model) {
  model.coordinates = {"rows", "experts", "width", "rows_of_expert", "ranks", "load"};
  model.locate = locate_moe;
  model.grown = {more_tokens, wider_experts};
  model.surfaces = {
      {{kRows, {0, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17}},
       {kExperts, {0, 2, 3, 4, 5, 6, 7, 8, 9}},
       {kWidth, {6, 8, 9, 10, 11, 12, 13, 15}}},
      {{kRowsOfExpert, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13}}, {kRanks, {0, 2, 4, 6, 8}}, {kLoad, {0, 1, 2}}}};
}

}  // namespace orrery::kernels

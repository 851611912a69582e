// The lists of fields: complete, and what equality, hash and texts are read off.
#include "kernels/fields.hpp"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

namespace orrery::kernels {

struct Pair {
  std::int64_t first = 0;
  bool second = false;
};
struct Forgetful {
  Dtype dtype = Dtype::bf16;
  std::int64_t rows = 0;
  Bytes bytes;
};
struct Repeated {
  std::int64_t first = 0, second = 0;
};

template <>
inline constexpr auto kFields<Pair> = std::tuple{Field{"first", &Pair::first}, Field{"second", &Pair::second}};
template <>
inline constexpr auto kFields<Forgetful> =
    std::tuple{Field{"dtype", &Forgetful::dtype}, Field{"rows", &Forgetful::rows}};

template <>
inline constexpr auto kFields<Repeated> =
    std::tuple{Field{"first", &Repeated::first}, Field{"second", &Repeated::first}};

namespace {

static_assert(lists_every_member<Pair>());
static_assert(!lists_every_member<Forgetful>(), "bytes is missing");
static_assert(!lists_every_member<Repeated>(), "first stands twice");
static_assert(!HasFields<int>);

/// One shape of every alternative, with values that are not the defaults.
std::vector<Kernel> one_of_each() {
  GemmShape gemm;
  gemm.m = 64, gemm.n = 128, gemm.k = 256;
  AttentionPrefillShape prefill;
  prefill.batch = 2, prefill.q_len = prefill.kv_len = 512, prefill.q_heads = 32, prefill.kv_heads = 8;
  prefill.head_dim = 128;
  AttentionDecodeShape decode;
  decode.batch = 4, decode.kv_tokens = 4000, decode.q_heads = 32, decode.kv_heads = 8, decode.head_dim = 128;
  MoeShape moe;
  moe.tokens = 100, moe.hidden = 4096, moe.inter = 1024, moe.topk = 2, moe.experts = 8;
  MemoryShape norm;
  norm.elements = 1000, norm.read = norm.written = Bytes{2000.0};
  return {gemm, prefill, decode, moe, norm, HostCopyShape{Bytes{1e6}, true, true}};
}

void change(bool& value) { value = !value; }
void change(std::int64_t& value) { ++value; }
void change(double& value) { value *= 2.0; }
void change(Bytes& value) { value *= 2.0; }
template <class Enum>
void change(Enum& value) {
  value = static_cast<Enum>(value == Enum{} ? 1 : 0);
}

/// The shape with its field number `which` changed.
template <class Shape>
Kernel changed(Shape shape, std::size_t which) {
  std::size_t i = 0;
  for_each_field(shape, [&](std::string_view, auto& value) {
    if (i++ == which) change(value);
  });
  return shape;
}

std::vector<Kernel> neighbours(const Kernel& kernel) {
  std::vector<Kernel> out;
  std::visit(
      [&out](const auto& shape) {
        for (std::size_t i = 0; i < kFieldCount<std::decay_t<decltype(shape)>>; ++i) out.push_back(changed(shape, i));
      },
      kernel);
  return out;
}

TEST(Fields, EveryAlternativeHasAListOfUniqueNames) {
  ASSERT_EQ(one_of_each().size(), std::variant_size_v<Kernel>);
  for (const Kernel& kernel : one_of_each()) {
    std::set<std::string_view> names;
    std::visit(
        [&names](const auto& shape) {
          for_each_field(
              shape, [&names](std::string_view name, const auto&) { EXPECT_TRUE(names.insert(name).second) << name; });
        },
        kernel);
    EXPECT_GE(names.size(), 3u) << family(kernel);
  }
}

TEST(Fields, EveryFieldTellsShapesAndTheirHashesApart) {
  std::set<std::uint64_t> hashes;
  std::size_t shapes = 0;
  for (const Kernel& kernel : one_of_each()) {
    hashes.insert(hash(kernel)), ++shapes;
    EXPECT_TRUE(kernel == Kernel{kernel});
    for (const Kernel& other : neighbours(kernel)) {
      EXPECT_FALSE(kernel == other) << family(kernel);
      hashes.insert(hash(other)), ++shapes;
    }
  }
  EXPECT_EQ(hashes.size(), shapes);
}

TEST(Fields, EqualValuesInDifferentFieldsAreDifferentShapes) {
  AttentionPrefillShape a, b;
  a.q_heads = 8, a.kv_heads = 2;
  b.q_heads = 2, b.kv_heads = 8;
  EXPECT_FALSE(Kernel{a} == Kernel{b});
  EXPECT_NE(hash(Kernel{a}), hash(Kernel{b}));
}

TEST(Fields, ZerosOfBothSignsAreEqualAndHashAlike) {
  const Kernel plus = HostCopyShape{Bytes{0.0}, true, true}, minus = HostCopyShape{Bytes{-0.0}, true, true};
  EXPECT_TRUE(plus == minus);
  EXPECT_EQ(hash(plus), hash(minus));
}

TEST(Fields, BytesOfPowersOfTwoDoNotCollide) {
  std::set<std::uint64_t> hashes;
  for (int read = 0; read < 64; ++read) {
    for (int written = 0; written < 64; ++written) {
      MemoryShape shape;
      shape.read = Bytes{std::exp2(read)}, shape.written = Bytes{std::exp2(written)};
      hashes.insert(hash(Kernel{shape}));
    }
  }
  EXPECT_EQ(hashes.size(), 64u * 64u);
}

}  // namespace
}  // namespace orrery::kernels

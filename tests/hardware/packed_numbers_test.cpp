// Numbers of a few bits as text.
#include "hardware/config/packed_numbers.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace orrery::hardware {
namespace {

using Numbers = std::vector<std::uint32_t>;

TEST(PackedNumbers, AreSixBitsACharacterHighestFirst) {
  EXPECT_EQ(pack_numbers(Numbers{0, 1, 63}, 6), "AB_");
  EXPECT_EQ(pack_numbers(Numbers{0b101010101}, 9), "qo");  // 101010 101(000)
  EXPECT_EQ(pack_numbers(Numbers{}, 9), "");
  EXPECT_EQ(unpack_numbers("A B\n_", 6, 3), (Numbers{0, 1, 63}));
  EXPECT_EQ(packed_count("AAAB AAAC", 18), 2u);
}

TEST(PackedNumbers, RefuseOtherCharactersAndOtherCounts) {
  EXPECT_EQ(unpack_numbers("A+_", 6, 3), std::nullopt);
  EXPECT_EQ(unpack_numbers("AB", 6, 3), std::nullopt);
  EXPECT_EQ(unpack_numbers("ABCD", 6, 3), std::nullopt);
}

RC_GTEST_PROP(PackedNumbers, ComeBackAsTheyWere, ()) {
  const int bits = *rc::gen::inRange(1, 33);
  auto numbers = *rc::gen::arbitrary<Numbers>();
  for (std::uint32_t& number : numbers) number &= static_cast<std::uint32_t>((std::uint64_t{1} << bits) - 1);
  RC_ASSERT(unpack_numbers(pack_numbers(numbers, bits), bits, numbers.size()) == numbers);
}

}  // namespace
}  // namespace orrery::hardware

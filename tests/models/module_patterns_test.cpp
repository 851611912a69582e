// Lists of module names as checkpoints write them, against the modules of a layer.
#include "models/architectures/module_patterns.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace orrery::models {
namespace {

TEST(ModulePatterns, FitWhatTheyName) {
  const std::string_view module = "model.layers.3.self_attn.q_proj";
  for (const char* pattern :
       {"model.layers.3.self_attn.q_proj", "model.layers.3.self_attn", "model.layers.3*", "*.self_attn.*",
        "re:.*self_attn.*", "self_attn", "re:model\\.layers\\.3\\.self_attn.*", "model.layers.3", "q_proj"}) {
    EXPECT_TRUE(keeps(pattern, module)) << pattern;
  }
  for (const char* pattern : {"lm_head", "", "model.layers.33*", "model.layers.3.self", "*.mlp.*", "re:.*mlp.*",
                              "q_pro", "model.layers.3.self_attn.q_proj.weight", "gate"}) {
    EXPECT_FALSE(keeps(pattern, module)) << pattern;
  }
  EXPECT_FALSE(keeps("gate", "model.layers.3.mlp.gate_proj"));
  EXPECT_TRUE(keeps("***a*", "xxa"));
}

TEST(ModulePatterns, WithStarsFitAllBelowToo) {
  EXPECT_TRUE(keeps("model.layers.*.self_attn", "model.layers.3.self_attn.q_proj"));
  EXPECT_FALSE(keeps("model.layers.*.self", "model.layers.3.self_attn.q_proj"));
}

TEST(ModulePatterns, KnowAlternativesInParentheses) {
  const std::string gated = "re:.*mlp\\.(gate|up|gate_up|down)_proj.*";
  EXPECT_TRUE(keeps(gated, "model.layers.0.mlp.down_proj"));
  EXPECT_TRUE(keeps(gated, "model.layers.0.mlp.gate_up_proj"));
  EXPECT_FALSE(keeps(gated, "model.layers.0.mlp.experts.0.down_proj"));
  EXPECT_TRUE(keeps("re:(a|b)\\.(c|d)$", "b.d"));
  EXPECT_FALSE(keeps("re:(a|b)\\.(c|d)$", "c.d"));
}

TEST(ModulePatterns, EndWhereADollarSaysSo) {
  // llm-compressor's way to leave routers alone: the gate projection of a dense MLP is none.
  EXPECT_TRUE(keeps("re:.*mlp.gate$", "model.layers.3.mlp.gate"));
  EXPECT_FALSE(keeps("re:.*mlp.gate$", "model.layers.3.mlp.gate_proj"));
  EXPECT_TRUE(keeps("re:.*mlp.gate", "model.layers.3.mlp.gate_proj")) << "without one a beginning is enough";
  EXPECT_TRUE(keeps("re:^model.*_proj$", "model.layers.3.mlp.gate_proj"));
  EXPECT_FALSE(keeps("re:(up|gate$)", "gate_proj"));
  EXPECT_TRUE(keeps("re:(up|gate$)", "up_proj"));
}

TEST(ModulePatterns, BrokenExpressionsSayWhatIsWrong) {
  EXPECT_EQ(fault_of("re:(a"), "a ( is not closed");
  EXPECT_EQ(fault_of("re:((a|b)|c"), "a ( is not closed");
  EXPECT_EQ(fault_of("re:a)"), "a ) closes nothing");
  EXPECT_EQ(fault_of("re:)("), "a ) closes nothing");
  EXPECT_EQ(fault_of("re:layers.[0-9"), "a [ is not closed");
  EXPECT_EQ(fault_of("re:[]"), "a [ is not closed") << "a ] in front is one of the characters";
  EXPECT_EQ(fault_of("re:[^]"), "a [ is not closed");
  EXPECT_EQ(fault_of("re:[a\\]"), "a [ is not closed") << "the ] is escaped";
  EXPECT_EQ(fault_of("re:*lm_head"), "nothing stands before a * that it could repeat");
  EXPECT_EQ(fault_of("re:a|+b"), "nothing stands before a + that it could repeat");
  EXPECT_EQ(fault_of("re:^*"), "nothing stands before a * that it could repeat");
  EXPECT_EQ(fault_of("re:a**"), "nothing stands before a * that it could repeat");
  EXPECT_EQ(fault_of("re:a\\"), "it ends in a backslash");
}

TEST(ModulePatterns, WholeExpressionsHaveNoFault) {
  for (const char* whole : {"re:", "re:()", "re:(|)", "re:((a|b)|c)", "re:.*?a", "re:(?:a|b)+", "re:[]a]", "re:[^]]",
                            "re:[(*]", "re:\\(", "re:\\[", "re:a{2,3}", "re:\\\\", "re:.*mlp\\.gate$"}) {
    EXPECT_EQ(fault_of(whole), "") << whole;
  }
  // What does not begin with "re:" is a name, whatever it holds.
  for (const char* name : {"(a", "*lm_head", "a)", "re", ""}) EXPECT_EQ(fault_of(name), "") << name;
}

TEST(ModulePatterns, KnowWhichExpressionsTheyReadInPart) {
  for (const char* read : {"lm_head", "*.mlp.*", "re:.*self_attn.*", "re:model\\.layers\\.3\\..*", "re:^a.*b$",
                           "re:.*mlp\\.(gate|up)_proj.*", "re:(a)b", "re:visual.blocks"}) {
    EXPECT_TRUE(is_understood(read)) << read;
  }
  for (const char* more : {"re:.*layers\\.\\d+\\.mlp", "re:layers.[0-9]", "re:a*", "re:(?:a|b)", "re:((a|b)|c)",
                           "re:a|b", "re:a+", "re:a?", "re:a{2}", "re:a$b", "re:a^b", "re:\\bgate"}) {
    EXPECT_FALSE(is_understood(more)) << more;
  }
}

TEST(ModulePatterns, FindTheFirstThatFitsALayersModule) {
  LayerConfig layer;
  const ModulePatterns patterns({"model.layers.1.self_attn", "model.layers.1.mlp.experts", "*.shared_experts.*"});
  EXPECT_EQ(patterns.first(1, Module::mixer, layer), 0U);
  EXPECT_EQ(patterns.first(1, Module::experts, layer), 1U);
  EXPECT_EQ(patterns.first(7, Module::shared, layer), 2U);
  EXPECT_EQ(patterns.first(0, Module::mixer, layer), ModulePatterns::kNone);
  EXPECT_EQ(patterns.first(10, Module::mixer, layer), ModulePatterns::kNone) << "layers.1 is not layers.10";
  EXPECT_EQ(patterns.comparisons(80), 2U + 80U);
}

TEST(ModulePatterns, LayersOfTowersAndSpeculativeHeadsAreOthers) {
  const LayerConfig layer;
  const ModulePatterns patterns({"mtp.layers.0*", "model.visual.layers.0.self_attn", "vision_tower.layers.1*"});
  EXPECT_FALSE(patterns.any(0, Module::mixer, layer));
  EXPECT_FALSE(patterns.any(1, Module::mixer, layer));
}

TEST(ModulePatterns, RecurrentMixersHaveNamesOfTheirOwn) {
  LayerConfig delta;
  delta.mixer = Mixer::recurrent;
  const ModulePatterns linear({"linear_attn"}), full({"self_attn"});
  EXPECT_TRUE(linear.any(0, Module::mixer, delta));
  EXPECT_FALSE(full.any(0, Module::mixer, delta));
  delta.recurrent.kind = RecurrentKind::kimi_delta;  // Kimi-Linear calls both self_attn
  EXPECT_TRUE(full.any(0, Module::mixer, delta));
}

}  // namespace
}  // namespace orrery::models

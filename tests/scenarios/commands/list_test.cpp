// orrery list, new, and the JSON of tables and comparisons.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/commands/commands.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ListCommand : public FolderTest {};

TEST_F(ListCommand, FamiliesAndTheirItemsAreTheSameInTextAndJson) {
  const Outcome outcome = orrery({"list", "--json", path("f.json")});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  const json families = json::parse(read_file(path("f.json")));
  ASSERT_EQ(families.size(), family_names().size());
  for (const json& family : families) EXPECT_THAT(outcome.out, HasSubstr(family["name"].get<std::string>()));
  for (const std::string name : {"gpus", "metrics", "routers"}) {
    const json items = json::parse(orrery({"list", name, "--json", "-"}).out);
    const std::string text = orrery({"list", name}).out;
    EXPECT_FALSE(items.empty()) << name;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), static_cast<std::ptrdiff_t>(items.size())) << name;
    for (const json& item : items) EXPECT_THAT(text, HasSubstr(item["name"].get<std::string>())) << name;
  }
}

TEST_F(ListCommand, JsonOnStandardOutputIsAlone) {
  EXPECT_TRUE(json::parse(orrery({"list", "--json", "-"}).out).is_array());
  EXPECT_TRUE(json::parse(orrery({"list", "gpus", "--json", "-"}).out).is_array());
}

TEST_F(ListCommand, UnknownFamilyIsToldTheNearest) {
  const Outcome outcome = orrery({"list", "gpu"});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, HasSubstr("gpus"));
  EXPECT_EQ(orrery({"list", "gpus", "nodes"}).code, kExitInput) << "one at a time";
}

class NewCommand : public FolderTest {};

TEST_F(NewCommand, WritesAFileOnceAndAgainOnlyWhenForced) {
  ASSERT_EQ(orrery({"new", "serving", "-o", path("s.yaml")}).code, kExitWell);
  EXPECT_EQ(read_file(path("s.yaml")), orrery({"new", "serving"}).out);
  const Outcome again = orrery({"new", "training", "-o", path("s.yaml")});
  EXPECT_EQ(again.code, kExitInput);
  EXPECT_THAT(again.err, HasSubstr("s.yaml: is there already; --force replaces it"));
  EXPECT_EQ(orrery({"new", "training", "-o", path("s.yaml"), "--force"}).code, kExitWell);
  EXPECT_EQ(read_file(path("s.yaml")), orrery({"new"}).out) << "without a kind it is training";
  EXPECT_EQ(orrery({"new", "serving", "-o", path("no/such.yaml")}).code, kExitInput);
}

TEST_F(NewCommand, KnowsItsTemplates) {
  const Outcome outcome = orrery({"new", "spaceship"});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err,
              HasSubstr("new spaceship: the templates are: training, serving, collective, jobs, gpu, node, fabric"));
}

class TableJson : public FolderTest {};

// A cell in Latin-1 is no UTF-8, and JSON is.
TEST_F(TableJson, OfATableWithOtherBytesIsWritten) {
  const std::string table = write("t\xe4.csv", "id,model,gpu\n1,M\xfcller,h100_sxm\n");
  const Outcome outcome = orrery({"validate", "training", table, "--json", path("v.json"), "-q"});
  EXPECT_NE(outcome.code, kExitInternal) << outcome.err;
  const std::string a = write("a\xe4.json", R"({"schema_version": 1, "memory": {}, "training": {"step_time_s": 1}})");
  const Outcome compared = orrery({"compare", a, a, "--json", path("c.json")});
  EXPECT_EQ(compared.code, kExitWell) << compared.err;
  EXPECT_THAT(json::parse(read_file(path("c.json")))["a"].get<std::string>(), HasSubstr("a\xef\xbf\xbd.json"));
}

TEST_F(TableJson, OfATableWithoutAUsableRowSaysSoWithItsExitCode) {
  const std::string table = write("t.csv", "id,gpu,op,m,n,k,dtype,time_us\n");
  const Outcome outcome = orrery({"validate", "kernels", table, "--gpu", "h100_sxm"});
  EXPECT_TRUE(outcome.code == kExitFinding || outcome.code == kExitInput) << outcome.err;
  EXPECT_THAT(outcome.err, StartsWith("orrery: "));
}

TEST_F(TableJson, NeedsWhatItsKindNeeds) {
  const std::string table = write("t.csv", "a,b\n1,2\n");
  EXPECT_THAT(orrery({"validate", "kernels", table}).err, HasSubstr("validate kernels needs --gpu NAME"));
  EXPECT_THAT(
      orrery({"validate", "kernel", table}).err,
      AllOf(HasSubstr("the kinds are kernels, collectives, training, serving"), HasSubstr("did you mean kernels")));
  EXPECT_THAT(orrery({"validate", "kernels", table, "--gpu", "h100_sxm", "--timer", "magic"}).err,
              HasSubstr("unknown timer 'magic'; known: "));
  EXPECT_THAT(orrery({"validate", "kernels", table, "--gpu", "h100"}).err, HasSubstr("h100_sxm"));
  EXPECT_EQ(orrery({"validate", "kernels", path("none.csv"), "--gpu", "h100_sxm"}).code, kExitInput);
  EXPECT_EQ(orrery({"validate", "kernels", table, "--gpu", "h100_sxm", "--json", table}).code, kExitInput)
      << "an output may not replace the table";
}

TEST_F(TableJson, CalibrateTakesTablesOfAGpuAndLeavesProfilesAlone) {
  const std::string table = write("t.csv", "a,b\n1,2\n");
  EXPECT_THAT(orrery({"calibrate", "measure"}).err, HasSubstr("calibrate measure: this build knows `calibrate fit"));
  EXPECT_THAT(orrery({"calibrate", "fit", table}).err, HasSubstr("needs --gpu NAME"));
  EXPECT_THAT(orrery({"calibrate", "fit", table, "--gpu", "h100_sxm", "-o", path("p.yaml")}).err, HasSubstr("t.csv"));
  EXPECT_FALSE(std::filesystem::exists(path("p.yaml")));
  const std::string one = write("one.csv", "dtype,m,n,k,time_us\nbfloat16,16,4096,4096,12\n");
  EXPECT_THAT(orrery({"calibrate", "fit", one, "--gpu", "h100_sxm", "-o", path("p.yaml")}).err,
              HasSubstr("nothing can be fitted: all of the rows are left out, the first is line 2, gemm/trtllm/bf16: "
                        "only 1 usable rows"));
  EXPECT_EQ(orrery({"calibrate", "fit", table, "--gpu", "h100_sxm", "-o", table}).code, kExitInput);
  EXPECT_EQ(read_file(table), "a,b\n1,2\n");
}

}  // namespace
}  // namespace orrery::scenarios::testing

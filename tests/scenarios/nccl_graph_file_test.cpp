// NCCL's graph files: read, refused, taken in place of the search, and imported.
#include "scenarios/nccl_graph_file.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Four GPUs in two bridged pairs: three rings of 12 GB/s that cross the sockets, and as many trees.
std::string pairs() {
  const std::string channel = "<channel><gpu dev=\"0\"/><gpu dev=\"1\"/><gpu dev=\"2\"/><gpu dev=\"3\"/></channel>\n";
  const std::string figures =
      "nchannels=\"3\" speedintra=\"12\" speedinter=\"12\" latencyinter=\"0\" typeintra=\"SYS\" typeinter=\"PIX\" "
      "samechannels=\"0\">\n";
  return "<graphs version=\"1\">\n<graph id=\"0\" pattern=\"4\" crossnic=\"0\" " + figures + channel + channel +
         channel + "</graph>\n<graph id=\"1\" pattern=\"1\" crossnic=\"0\" " + figures + channel + channel + channel +
         "</graph>\n<graph id=\"3\" pattern=\"5\" crossnic=\"0\" nchannels=\"0\" speedintra=\"0\" speedinter=\"0\" "
         "typeintra=\"NVL\" typeinter=\"PIX\" samechannels=\"1\"/>\n</graphs>\n";
}

class NcclGraphFile : public FolderTest {
 protected:
  std::string error_of(const std::string& text) const {
    const Outcome outcome = orrery({"import", write("g.xml", text)});
    EXPECT_EQ(outcome.code, 2) << outcome.out;
    return outcome.err;
  }
  nlohmann::json rows(const std::string& gpus, const std::vector<std::string>& more) const {
    std::vector<std::string> args = {"collective", "all_reduce", "--cluster", "a100_pcie_box", "--gpus", gpus,
                                     "--bytes",    "256MiB",     "--json",    path("t.json"),  "-q"};
    args.insert(args.end(), more.begin(), more.end());
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(read_file(path("t.json")));
  }
};

TEST_F(NcclGraphFile, HasTheSpeedOfEachGraphAndTheGpusOfItsChannels) {
  const std::vector<hardware::NcclGraph> graphs = read_nccl_graphs(pairs(), "g.xml");
  ASSERT_EQ(graphs.size(), 3u);
  EXPECT_EQ(graphs[0].id, hardware::NcclGraphId::ring);
  EXPECT_EQ(graphs[0].channels, 3);
  EXPECT_EQ(graphs[0].gpus, 4);
  EXPECT_EQ(graphs[0].intra, 12.0);
  EXPECT_EQ(graphs[0].type_intra, hardware::NcclPath::sys);
  EXPECT_FALSE(graphs[0].same_channels);
  EXPECT_EQ(graphs[2].channels, 0) << "the search found no channel in a switch";
}

TEST_F(NcclGraphFile, StandsInPlaceOfTheSearch) {
  // Four GPUs of a socket: the search gives two rings, so four channels. The file has three rings: six.
  const std::string file = write("g.xml", pairs());
  EXPECT_EQ(rows("4", {}).at("rows").at(0).at("channels"), 4);
  const nlohmann::json told = rows("4", {"--set", "cluster.nccl.graph_file=" + file});
  EXPECT_EQ(told.at("rows").at(0).at("channels"), 6);
  EXPECT_EQ(told.at("nccl").at("graphs").at(0).at("channels"), 3);
  // Communicators of other GPUs are searched as ever: of eight one ring.
  const nlohmann::json others = rows("8", {"--set", "cluster.nccl.graph_file=" + file});
  EXPECT_EQ(others.at("rows").at(0).at("channels"), 2);
  EXPECT_THAT(others.at("notes").dump(), HasSubstr("holds for groups with 4 GPUs on each node"));
}

TEST_F(NcclGraphFile, IsImportedAsAKeyOfTheCluster) {
  const Outcome outcome = orrery({"import", write("g.xml", pairs())});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("{graph: ring, pattern: 4, channels: 3, gpus: 4, intra: 12 GB/s"),
                                 HasSubstr("graph: tree")));
  EXPECT_THAT(outcome.err, HasSubstr("nvls: the search found no channel"));
  std::string section;  // two further in, below cluster:
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) section += "  " + line + "\n";
  const std::string cluster = write("c.yaml", "cluster:\n  node: a100_pcie_box\n" + section);
  const Outcome table = orrery({"collective", "all_reduce", "--cluster", cluster, "--gpus", "4", "--bytes", "256MiB",
                                "--json", path("t.json"), "-q"});
  ASSERT_EQ(table.code, 0) << table.err;
  EXPECT_EQ(nlohmann::json::parse(read_file(path("t.json"))).at("rows").at(0).at("channels"), 6);
}

TEST_F(NcclGraphFile, TellsWhatIsWrongAtItsPlace) {
  EXPECT_THAT(error_of("<graphs>\n<graph id=\"0\""), HasSubstr("g.xml:2:"));
  EXPECT_THAT(error_of("<graphs version=\"1\"></graphs>"), HasSubstr("no <graph> in it"));
  EXPECT_THAT(error_of(replaced(pairs(), "typeintra=\"SYS\"", "typeintra=\"FAR\"")),
              AllOf(HasSubstr("g.xml:2:2"), HasSubstr("typeintra=\"FAR\" is none of")));
  EXPECT_THAT(error_of(replaced(pairs(), "nchannels=\"3\"", "nchannels=\"9\"")), HasSubstr("and 3 channels"));
  EXPECT_THAT(error_of(replaced(pairs(), "<gpu dev=\"1\"/>", "<gpu dev=\"0\"/>")),
              HasSubstr("visits the GPU \"0\" twice"));
  EXPECT_THAT(error_of(replaced(pairs(), "<gpu dev=\"1\"/>", "")), HasSubstr("a channel of 4 GPUs beside one of 3"));
  EXPECT_THAT(error_of(replaced(pairs(), "speedintra=\"12\"", "speedintra=\"0\"")),
              HasSubstr("channels without speed"));
  EXPECT_THAT(error_of(replaced(pairs(), "id=\"1\"", "id=\"0\"")), HasSubstr("the graph of ring is there twice"));
  EXPECT_THAT(error_of(replaced(pairs(), "pattern=\"4\"", "pattern=\"40\"")), HasSubstr("pattern=\"40\" is no number"));
  EXPECT_THAT(error_of("<!DOCTYPE g [<!ENTITY a \"aa\">]>\n<graphs>&a;</graphs>"), HasSubstr("a document type is not"));
}

TEST_F(NcclGraphFile, IsToldOfWhereAScenarioNamesIt) {
  const auto told = [&](const std::string& key) {
    return orrery({"run",
                   write("s.yaml", replaced(small_scenario(), "  nodes: 1\n", "  nodes: 1\n  nccl: {" + key + "}\n"))})
        .err;
  };
  write("g.xml", replaced(pairs(), "typeintra=\"SYS\"", "typeintra=\"FAR\""));
  EXPECT_THAT(told("graph_file: g.xml"), AllOf(HasSubstr("s.yaml:6:"), HasSubstr("g.xml:2:2"), HasSubstr("FAR")));
  EXPECT_THAT(told("graph_file: none.xml"), AllOf(HasSubstr("s.yaml:6:"), HasSubstr("none.xml")));
  EXPECT_THAT(told("graphs: ring"), HasSubstr("expected a list of graphs"));
  EXPECT_THAT(told("graphs: [{graph: rong, pattern: 4, channels: 1, gpus: 8, intra: 1 GB/s, inter: 1 GB/s, "
                   "type_intra: NVL, type_inter: PIX}]"),
              HasSubstr("did you mean 'ring'"));
  EXPECT_THAT(told("graphs: [], graph_file: g.xml"), HasSubstr("keep one of them"));
}

}  // namespace
}  // namespace orrery::scenarios::testing

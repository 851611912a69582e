// XML that other programs wrote: numbers, places, and what is refused.
#include "scenarios/xml_text.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck/gtest.h>
#endif

namespace orrery::scenarios {
namespace {

using ::testing::HasSubstr;

const std::string kFile = "topo.xml";

template <class Call>
std::string error_of(const Call& call) {
  try {
    (void)call();
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
  return "no error";
}

/// The number in <a x="TEXT"/>.
double number(const std::string& text, double most = 1e6) {
  const std::string xml = "<a x=\"" + text + "\"/>";
  const XmlText document(xml, kFile);
  return document.number(document.root("a", "a test"), "x", most);
}
int count(const std::string& text, int most = 1000) {
  const std::string xml = "<a x=\"" + text + "\"/>";
  const XmlText document(xml, kFile);
  return document.count(document.root("a", "a test"), "x", most);
}

TEST(XmlText, NumbersMayHaveAUnitBehindABlank) {
  EXPECT_EQ(number("8"), 8.0);
  EXPECT_EQ(number("32.0 GT/s PCIe"), 32.0);
  EXPECT_EQ(number("2.5"), 2.5);
  EXPECT_EQ(number("1e3"), 1000.0);
  EXPECT_EQ(number("0"), 0.0);
  EXPECT_EQ(number("7", 7.0), 7.0) << "the most is taken";
}

TEST(XmlText, WhatIsNoNumberOfItsRangeIsRefused) {
  for (const char* wrong : {"", " 8", "-1", "nan", "inf", "1e999", "0x10", "8GT/s", "eight", "1,5", "+3"}) {
    EXPECT_THAT(error_of([&] { return number(wrong); }), HasSubstr("topo.xml:1:2: <a>: x=\"")) << wrong;
  }
  EXPECT_THAT(error_of([] { return number("8", 7.0); }), HasSubstr("x=\"8\" is no number from 0 to 7"));
}

TEST(XmlText, CountsAreWhole) {
  EXPECT_EQ(count("12"), 12);
  EXPECT_EQ(count("12.0"), 12);
  EXPECT_THAT(error_of([] { return count("2.5"); }), HasSubstr("<a>: x=\"2.5\" is no whole number"));
  EXPECT_THAT(error_of([] { return count("1001"); }), HasSubstr("no number from 0 to 1000"));
}

TEST(XmlText, AttributesThatAreMissingAreRefused) {
  const std::string xml = "<a>\n  <b y=\"1\"/>\n</a>";
  const XmlText document(xml, kFile);
  const pugi::xml_node inner = document.root("a", "a test").child("b");
  EXPECT_EQ(document.number(inner, "y", 9.0), 1.0);
  EXPECT_THAT(error_of([&] { return document.number(inner, "x", 9.0); }), HasSubstr("topo.xml:2:4: <b>: x=\"\""));
}

TEST(XmlText, RootsAreOneOfTheirName) {
  const std::string other = "<!-- c -->\n<graphs/>", two = "<system/>\n<system/>";
  EXPECT_THAT(error_of([&] { return XmlText(other, kFile).root("system", "NCCL's topology"); }),
              HasSubstr("topo.xml:1:1: no <system>: not NCCL's topology"));
  EXPECT_THAT(error_of([&] { return XmlText(two, kFile).root("system", "NCCL's topology"); }),
              HasSubstr("topo.xml:2:2: a second <system>: one machine is read at a time"));
}

TEST(XmlText, DocumentTypesAreNotRead) {
  // Entities of entities unfold to gigabytes.
  const std::string xml = "<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY b \"bb\">]>\n<a/>";
  EXPECT_THAT(error_of([&] { return XmlText(xml, kFile); }), HasSubstr("topo.xml:2:1: a document type is not read"));
}

TEST(XmlText, WhatIsNoXmlIsToldWhereItEnds) {
  const std::string open = "<a>\n<b>\n</a>";
  EXPECT_THAT(error_of([&] { return XmlText(open, kFile); }), HasSubstr("topo.xml:3:"));
  for (const std::string wrong : {"", "hello", "<a", "<a x=1/>", "<a></b>"}) {
    EXPECT_THAT(error_of([&] { return XmlText(wrong, kFile); }), HasSubstr("no XML: ")) << wrong;
  }
}

TEST(XmlText, NothingOfAnAttributeReachesATerminalAsItIs) {
  EXPECT_EQ(error_of([] { return number("\x1b[31m"); }).find('\x1b'), std::string::npos);
  EXPECT_LT(error_of([] { return number(std::string(100'000, '9') + "x"); }).size(), 300U);
}

#ifdef ORRERY_HAVE_RAPIDCHECK
// An element's place is that of its name, counted from the text's beginning.
RC_GTEST_PROP(XmlText, PlacesAreThoseOfTheNames, ()) {
  std::string text = "<a>";
  std::vector<std::pair<int, int>> expected;
  for (int i = 0, elements = *rc::gen::inRange(1, 10); i < elements; ++i) {
    text += *rc::gen::element<std::string>("", " ", "\n", "\n\n  ", "<!-- a\nb -->", "\t");
    const auto line = static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
    const std::size_t begin = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
    expected.emplace_back(line, static_cast<int>(text.size() - begin) + 2);  // behind the bracket
    text += "<b x=\"" + std::to_string(i) + "\"/>";
  }
  text += "</a>";
  const XmlText document(text, kFile);
  std::size_t i = 0;
  for (const pugi::xml_node node : document.root("a", "a test").children("b")) {
    const hardware::SourceSpan place = document.place_of(node);
    RC_ASSERT(i < expected.size());
    RC_ASSERT(place.line == expected[i].first);
    RC_ASSERT(place.column == expected[i].second);
    RC_ASSERT(document.count(node, "x", 100) == static_cast<int>(i));
    ++i;
  }
  RC_ASSERT(i == expected.size());
}
#endif

}  // namespace
}  // namespace orrery::scenarios

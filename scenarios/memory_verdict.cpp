#include "scenarios/memory_verdict.hpp"

#include <cmath>

#include <fmt/format.h>

#include "scenarios/format.hpp"

namespace orrery::scenarios {

MemoryVerdict memory_verdict(Bytes margin, Bytes capacity, double doubt) {
  MemoryVerdict verdict;
  verdict.margin = margin;
  verdict.uncertain = std::abs(margin.value()) < doubt * capacity.value();
  verdict.fit = margin < Bytes{0.0} ? Fit::does_not_fit : verdict.uncertain ? Fit::tight : Fit::fits;
  return verdict;
}

std::string_view name(Fit fit) {
  switch (fit) {
    case Fit::fits:
      return "fits";
    case Fit::tight:
      return "tight";
    case Fit::does_not_fit:
      return "does_not_fit";
  }
  return "";
}

std::string describe(const MemoryVerdict& verdict, std::string_view of_what) {
  const bool short_of = verdict.fit == Fit::does_not_fit;
  return fmt::format("{}: {} {}{}{}{}", short_of ? "does not fit" : name(verdict.fit),
                     readable(std::abs(verdict.margin.value()), Unit::bytes), short_of ? "missing" : "to spare",
                     of_what.empty() ? "" : " ", of_what,
                     verdict.uncertain ? " (uncertain: less than the prediction may err)" : "");
}

}  // namespace orrery::scenarios

// The picture of a table: bus bandwidth over size, both axes by powers. See collective_table.hpp.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "scenarios/collective/collective_table.hpp"
#include "scenarios/format.hpp"

namespace orrery::scenarios {
namespace {

constexpr double kWidth = 860.0, kHeight = 480.0, kLeft = 80.0, kRight = 190.0, kTop = 50.0, kBottom = 60.0;
// Okabe and Ito's colours, which colour-blind eyes tell apart.
constexpr std::array<std::string_view, 7> kColours{"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                   "#56B4E9", "#E69F00", "#000000"};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += c;
    }
  }
  return out;
}

/// Powers of `base` from below the least to above the most.
struct Axis {
  double base, low, high;  ///< exponents
  double from, to;         ///< pixels

  Axis(double base_of, double least, double most, double begin, double end) : base(base_of), from(begin), to(end) {
    low = std::floor(std::log(least) / std::log(base));
    high = std::max(low + 1.0, std::ceil(std::log(most) / std::log(base)));
  }
  [[nodiscard]] double at(double value) const {
    return from + (to - from) * (std::log(value) / std::log(base) - low) / (high - low);
  }
};

double busbw_of(const CollectiveTable& table, const CollectiveLine& line, Seconds time) {
  return line.size.value() / time.value() * sim::bus_factor(table.query.kind, table.query.ranks());
}

void grid(std::string& out, const Axis& x, const Axis& y) {
  for (double e = x.low; e <= x.high; e += std::max(1.0, std::round((x.high - x.low) / 8.0))) {
    const double at = x.at(std::pow(x.base, e));
    out +=
        fmt::format("<line x1='{0:.1f}' y1='{1}' x2='{0:.1f}' y2='{2}' stroke='#ddd'/>\n", at, kTop, kHeight - kBottom);
    out += fmt::format("<text x='{:.1f}' y='{}' text-anchor='middle'>{}</text>\n", at, kHeight - kBottom + 18,
                       readable(std::pow(x.base, e), Unit::bytes));
  }
  for (double e = y.low; e <= y.high; e += 1.0) {
    const double at = y.at(std::pow(y.base, e));
    out +=
        fmt::format("<line x1='{1}' y1='{0:.1f}' x2='{2}' y2='{0:.1f}' stroke='#ddd'/>\n", at, kLeft, kWidth - kRight);
    out += fmt::format("<text x='{}' y='{:.1f}' text-anchor='end'>{:g}</text>\n", kLeft - 8, at + 4,
                       std::pow(y.base, e) / 1e9);
  }
  out += fmt::format("<text x='{:.1f}' y='{}' text-anchor='middle'>size</text>\n", (kLeft + kWidth - kRight) / 2,
                     kHeight - 16);
  out += fmt::format(
      "<text x='20' y='{0:.1f}' text-anchor='middle' transform='rotate(-90 20 {0:.1f})'>bus bandwidth "
      "(GB/s)</text>\n",
      (kTop + kHeight - kBottom) / 2);
}

/// Runs of sizes that go the same way, each joined to the next.
void curves(std::string& out, const CollectiveTable& table, const Axis& x, const Axis& y) {
  std::map<std::string, std::size_t> colours;
  for (std::size_t i = 0; i < table.lines.size(); ++i) {
    const CollectiveLine& line = table.lines[i];
    const std::string way = fmt::format("{} {}", line.estimate.algorithm, line.estimate.protocol);
    const auto [found, fresh] = colours.try_emplace(way, colours.size());
    const std::string_view colour = kColours[found->second % kColours.size()];
    if (fresh) {
      const double at = kTop + 16.0 + 20.0 * static_cast<double>(found->second);
      out +=
          fmt::format("<rect x='{}' y='{:.1f}' width='14' height='4' fill='{}'/>\n", kWidth - kRight + 16, at, colour);
      out += fmt::format("<text x='{}' y='{:.1f}'>{}</text>\n", kWidth - kRight + 36, at + 6, escaped(way));
    }
    const double px = x.at(line.size.value()), py = y.at(line.busbw);
    if (i > 0) {
      const CollectiveLine& before = table.lines[i - 1];
      out += fmt::format("<line x1='{:.1f}' y1='{:.1f}' x2='{:.1f}' y2='{:.1f}' stroke='{}' stroke-width='2'/>\n",
                         x.at(before.size.value()), y.at(before.busbw), px, py, colour);
    }
    out += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='2.5' fill='{}'/>\n", px, py, colour);
    if (line.measured) {
      out += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='4' fill='none' stroke='#444'/>\n", px,
                         y.at(busbw_of(table, line, *line.measured)));
    }
  }
  if (!table.query.measured.empty()) {
    const double at = kTop + 16.0 + 20.0 * static_cast<double>(colours.size());
    out += fmt::format("<circle cx='{}' cy='{:.1f}' r='4' fill='none' stroke='#444'/>\n", kWidth - kRight + 23, at + 2);
    out += fmt::format("<text x='{}' y='{:.1f}'>measured</text>\n", kWidth - kRight + 36, at + 6);
  }
}

}  // namespace

std::string table_svg(const CollectiveTable& table) {
  double least = 1e300, most = 0.0;
  for (const CollectiveLine& line : table.lines) {
    for (const Seconds time : {line.estimate.time, line.measured.value_or(line.estimate.time)}) {
      least = std::min(least, busbw_of(table, line, time));
      most = std::max(most, busbw_of(table, line, time));
    }
  }
  double small = 1e300, large = 0.0;  // a log may have its sizes in any order
  for (const CollectiveLine& line : table.lines) {
    small = std::min(small, line.size.value());
    large = std::max(large, line.size.value());
  }
  const Axis x(2.0, small, large, kLeft, kWidth - kRight);
  const Axis y(10.0, least, most, kHeight - kBottom, kTop);
  std::string out = fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' width='{0}' height='{1}' viewBox='0 0 {0} {1}' font-family='sans-serif' "
      "font-size='12'>\n<rect width='{0}' height='{1}' fill='white'/>\n<text x='{2}' y='28' "
      "font-size='14'>{3}</text>\n",
      kWidth, kHeight, kLeft, escaped(describe(table.query)));
  grid(out, x, y);
  curves(out, table, x, y);
  return out + "</svg>\n";
}

}  // namespace orrery::scenarios

#include "scenarios/search/sweep_text.hpp"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"
#include "scenarios/format.hpp"

namespace orrery::scenarios {

namespace {

constexpr std::size_t kMostReason = 100;

/// "slo_missed" → "slo missed".
std::string words(std::string kind) {
  std::replace(kind.begin(), kind.end(), '_', ' ');
  return kind;
}

/// Without "12:5: " at its head.
std::string_view without_place(std::string_view text) {
  const std::size_t end = text.find_first_not_of("0123456789:");
  const bool is_place = end != 0 && end != std::string_view::npos && text[end] == ' ' && text[end - 1] == ':';
  return is_place ? text.substr(end + 1) : text;
}

}  // namespace

std::string short_reason(const std::string& reason, const std::string& path) {
  const std::string file = hardware::quoted_path(path);
  std::string_view text = reason;
  if (text.substr(0, file.size()) == file && text.substr(file.size(), 1) == ":") {
    text = without_place(text.substr(file.size() + 1));
    if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  }
  // "sweep training.tensor_parallel=5: …": the line says so already.
  for (const std::string_view source : {"sweep ", "ask "}) {
    const std::size_t end = text.find(": ");
    if (text.substr(0, source.size()) == source && end != std::string_view::npos) text = text.substr(end + 2);
  }
  std::string shown = printable(text);
  if (shown.size() <= kMostReason) return shown;
  // Not inside a character of several bytes.
  std::size_t cut = kMostReason;
  while (cut > 0 && (static_cast<unsigned char>(shown[cut]) & 0xc0U) == 0x80U) --cut;
  return shown.substr(0, cut) + "...";
}

SweepText::SweepText(std::ostream& out, const KeptMetrics& kept, std::vector<SweepColumn> columns, std::string prefix,
                     std::string file)
    : out_(out), kept_(kept), columns_(std::move(columns)), prefix_(std::move(prefix)), file_(std::move(file)) {}

void SweepText::head() const {
  for (const SweepColumn& column : columns_) out_ << fmt::format("{:>{}} ", column.heading, column.width);
  out_ << " point\n";
}

std::string SweepText::text_of(const SearchPoint& point) const {
  std::string text;
  for (const SweepColumn& column : columns_) {
    std::optional<double> value = kept_value(kept_, point, prefix_ + std::string(column.metric));
    if (!value) value = kept_value(kept_, point, column.metric);
    const Unit unit = metric_unit(column.metric).value_or(Unit::ratio);
    text += fmt::format("{:>{}} ", value ? readable(*value, unit) : "-", column.width);
  }
  return text + " " + printable(words_of(point.set));
}

void SweepText::line(const SearchPoint& point, std::string_view mark) const {
  out_ << text_of(point);
  if (!point.ran()) out_ << "  can't be: " << short_reason(point.reason, file_);
  for (std::size_t i = 0; i < point.findings.size(); ++i) {
    out_ << (i == 0 ? "  " : ", ") << words(point.findings[i].kind);
  }
  if (!mark.empty()) out_ << "  " << mark;
  out_ << "\n" << std::flush;
}

void SweepText::front(const std::vector<SearchPoint>& points, const ParetoFront& front) const {
  out_ << "\n" << front.words("points") << "\n";
  for (const std::size_t i : sorted_by(kept_, points, front.objectives.front())) {
    if (front.has[i]) out_ << text_of(points[i]) << "\n";
  }
}

void SweepText::best(const std::vector<SearchPoint>& points, const Objective& objective,
                     std::string_view promise) const {
  // Where nothing is promised anywhere, a point only has to fit.
  const auto promises = [&](const SearchPoint& point) { return kept_value(kept_, point, promise).has_value(); };
  const bool promised = !promise.empty() && std::any_of(points.begin(), points.end(), promises);
  const std::string_view what = promised ? "hold the SLO" : "fit";
  const std::optional<std::size_t> best = best_of(kept_, points, objective);
  if (best) {
    out_ << "\n" << text_of(points[*best]) << fmt::format("  <- {} of those that {}\n", objective.words(), what);
    return;
  }
  out_ << fmt::format("\nNo point {}", promised ? "holds the SLO" : "fits without a finding");
  const std::optional<std::size_t> near =
      promised ? std::optional<std::size_t>(sorted_by(kept_, points, {std::string(promise), true}).front())
               : std::nullopt;
  if (near && promises(points[*near])) {
    out_ << fmt::format("; the nearest keeps it for {}: {}",
                        readable(*kept_value(kept_, points[*near], promise), Unit::ratio),
                        printable(words_of(points[*near].set)));
  }
  out_ << "\n";
}

}  // namespace orrery::scenarios

#include "scenarios/import/topo_matrix.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/shown.hpp"
#include "hardware/nearest_names.hpp"
#include "scenarios/ask/names.hpp"
#include "scenarios/import/import.hpp"

namespace orrery::scenarios {
namespace {

using hardware::ConfigError;
using hardware::shown;

constexpr std::array<std::string_view, 6> kPaths{"X", "PIX", "PXB", "PHB", "NODE", "SYS"};
constexpr int kMostLinks = 64;

struct Cell {
  std::string text;
  int line = 1, column = 1;
};
using Row = std::vector<Cell>;

/// Words of each line; the terminal's signs for underlining are none.
std::vector<Row> rows_of(std::string_view text) {
  std::vector<Row> rows;
  int line = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    ++line;
    Row row;
    bool inside = false;
    for (std::size_t i = at; i < end; ++i) {
      if (text[i] == '\x1b') {
        while (i < end && text[i] != 'm') ++i;
        continue;
      }
      const bool blank = text[i] == ' ' || text[i] == '\t' || text[i] == '\r';
      if (!blank && !inside) row.push_back({"", line, static_cast<int>(i - at) + 1});
      if (!blank) row.back().text += text[i];
      inside = !blank;
    }
    if (!row.empty()) rows.push_back(std::move(row));
    at = end + 1;
  }
  return rows;
}

bool is_gpu(std::string_view name) {
  return name.size() > 3 && name.substr(0, 3) == "GPU" &&
         name.find_first_not_of("0123456789", 3) == std::string_view::npos;
}

/// Links of "NV18"; 0 for another way.
std::optional<int> links_in(std::string_view text) {
  if (text.substr(0, 2) != "NV") {
    const bool known = std::find(kPaths.begin(), kPaths.end(), text) != kPaths.end();
    return known ? std::optional<int>(0) : std::nullopt;
  }
  int links = 0;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), links);
  if (error != std::errc{} || end != text.data() + text.size() || links < 1 || links > kMostLinks) return std::nullopt;
  return links;
}

class Table {
 public:
  Table(std::string_view text, const std::string& file) : file_(file), rows_(rows_of(text)) {}

  TopoMatrix read() {
    read_header();
    TopoMatrix out;
    for (const std::string& name : devices_) {
      if (is_gpu(name)) ++out.gpus;
      if (!is_gpu(name)) out.cards.push_back(name);
    }
    const auto n = static_cast<std::size_t>(out.gpus);
    out.nvlinks.assign(n, std::vector<int>(n, 0));
    std::set<std::string> numa;
    std::set<std::size_t> near;
    for (; at_ < rows_.size() && rows_[at_].front().text != "Legend:"; ++at_) {
      if (seen_.size() < devices_.size()) read_row(rows_[at_], out, numa, near);
    }
    for (const std::string& name : devices_) {
      if (is_gpu(name) && seen_.count(name) == 0) {
        refuse(header_->front(), fmt::format("{} has a column and no row", shown(name)));
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (out.nvlinks[i][j] == out.nvlinks[j][i]) continue;
        refuse(header_->front(), fmt::format("GPU{} and GPU{}: {} NVLinks one way and {} the other", j, i,
                                             out.nvlinks[j][i], out.nvlinks[i][j]));
      }
    }
    out.near_cards = static_cast<int>(near.size());
    out.numa_nodes = std::max(1, static_cast<int>(numa.size()));
    return out;
  }

 private:
  [[noreturn]] void refuse(const Cell& cell, const std::string& what) const {
    throw ConfigError({{file_, {cell.line, cell.column}, what}});
  }

  /// Devices up to "CPU Affinity".
  void read_header() {
    while (at_ < rows_.size() && !is_gpu(rows_[at_].front().text)) ++at_;
    if (at_ == rows_.size()) throw ConfigError({{file_, {1, 1}, "no table of nvidia-smi topo -m: no GPU0 in it"}});
    header_ = &rows_[at_++];
    for (const Cell& cell : *header_) {
      if (cell.text == "CPU") break;
      if (cell.text == "X" || links_in(cell.text)) refuse(cell, "a row of the table without its header before it");
      if (!names_.insert(cell.text).second) refuse(cell, fmt::format("{} is a column twice", shown(cell.text)));
      if (is_gpu(cell.text) && cell.text != fmt::format("GPU{}", devices_.size())) {
        refuse(cell, fmt::format("the column {} where GPU{} was expected: a column is missing", shown(cell.text),
                                 devices_.size()));
      }
      devices_.push_back(cell.text);
    }
  }

  void read_row(const Row& row, TopoMatrix& out, std::set<std::string>& numa, std::set<std::size_t>& near) {
    const std::string& name = row.front().text;
    if (names_.count(name) == 0) {
      refuse(row.front(), fmt::format("a row of {}, which is no column{}", shown(name), hint(name, devices_)));
    }
    if (!seen_.insert(name).second) refuse(row.front(), fmt::format("a second row of {}", shown(name)));
    const auto self = static_cast<std::size_t>(std::find(devices_.begin(), devices_.end(), name) - devices_.begin());
    for (std::size_t j = 0; j < devices_.size(); ++j) {
      if (j + 1 >= row.size()) {
        refuse(row.back(), fmt::format("the row of {} ends before the column {}: it has {} of {} cells", shown(name),
                                       shown(devices_[j]), row.size() - 1, devices_.size()));
      }
      const Cell& cell = row[j + 1];
      const auto links = links_in(cell.text);
      if (!links) {
        refuse(cell, fmt::format("{} between {} and {}: expected NV#, {}{}", shown(cell.text), shown(name),
                                 shown(devices_[j]), fmt::join(kPaths, ", "),
                                 hint(cell.text, std::vector<std::string>(kPaths.begin(), kPaths.end()))));
      }
      if ((cell.text == "X") != (j == self)) {
        refuse(cell, fmt::format("{} between {} and {}: X stands for a device and itself", shown(cell.text),
                                 shown(name), shown(devices_[j])));
      }
      const auto gpus = static_cast<std::size_t>(out.gpus);
      if (self < gpus && j < gpus) out.nvlinks[self][j] = *links;
      if (self < gpus && j >= gpus && (cell.text == "PIX" || cell.text == "PXB")) near.insert(j);
    }
    // Behind the devices: CPU affinity, then the NUMA node.
    const std::size_t first = devices_.size() + 1;
    if (is_gpu(name) && first < row.size()) numa.insert(row[std::min(first + 1, row.size() - 1)].text);
    const bool too_many = !is_gpu(name) && row.size() > devices_.size() + 1;
    if (too_many)
      refuse(row[devices_.size() + 1], fmt::format("the row of {} has more cells than columns", shown(name)));
  }

  static std::string hint(const std::string& word, const std::vector<std::string>& valid) {
    const std::vector<std::string> near = hardware::nearest_names(word, valid);
    return near.empty() ? "" : fmt::format("; did you mean {}?", fmt::join(near, " or "));
  }

  const std::string& file_;
  std::vector<Row> rows_;
  std::size_t at_ = 0;
  const Row* header_ = nullptr;
  std::vector<std::string> devices_;
  std::set<std::string> names_, seen_;
};

}  // namespace

TopoMatrix read_topo_matrix(std::string_view text, const std::string& file) { return Table(text, file).read(); }

bool is_topo_matrix(const ImportFile& file) {
  const std::string_view head(file.head);
  const std::size_t gpu = head.find("GPU0");
  return gpu != std::string_view::npos && head.find("CPU Affinity") != std::string_view::npos && head.front() != '{' &&
         head.front() != '<';
}

Imported import_topo_matrix(const ImportFile& file, const ImportOptions& options) {
  const std::string text = file.whole();
  const TopoMatrix matrix = read_topo_matrix(text, file.path);
  if (options.gpu.empty()) {
    throw ConfigError(
        fmt::format("{}: nvidia-smi topo -m doesn't name the board: name it with --gpu (orrery list gpus)",
                    hardware::quoted_path(file.path)));
  }
  MachineFacts facts;
  facts.board = hardware::is_profile_path(options.gpu) ? options.gpu : gpu_name_of(options.gpu);
  const hardware::Gpu gpu = hardware::load_gpu(facts.board);
  facts.what = "nvidia-smi topo -m";
  facts.source = file.path == "-" ? "standard input" : file.name();
  facts.gpus = matrix.gpus;
  facts.nvlink = nvlink_shape(matrix.nvlinks, 0, nvlinks_of(gpu));
  check_links(facts.board, gpu, {facts.gpus, facts.nvlink.links, false}, file.path, {1, 1});
  facts.nics = matrix.near_cards > 0 ? matrix.near_cards : static_cast<int>(matrix.cards.size());
  facts.sockets = matrix.numa_nodes;
  Imported out = node_profile(facts, file.path);
  const int far = static_cast<int>(matrix.cards.size()) - facts.nics;
  if (far > 0) out.ignored.push_back(fmt::format("{} cards that reach every GPU through the host only", far));
  return out;
}

}  // namespace orrery::scenarios

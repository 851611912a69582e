#include "scenarios/import/model_name.hpp"

#include <filesystem>

#include "scenarios/import/import.hpp"
#include "scenarios/model_names.hpp"

namespace orrery::scenarios {

namespace fs = std::filesystem;

std::optional<ModelName> find_model_name(const std::string& written, const std::string& folder,
                                         const ImportOptions& options) {
  std::error_code code;
  for (const fs::path& path : {fs::path(folder) / written, fs::path(written)}) {
    const bool has_config = fs::is_regular_file(path / "config.json", code);
    if (!has_config && !(path.extension() == ".json" && fs::is_regular_file(path, code))) continue;
    std::string from = path_from(options, path.string());
    if (from.find('/') == std::string::npos && path.extension() != ".json") from = "./" + from;  // a path, no name
    return ModelName{quoted_yaml(from), ""};
  }
  const LibraryModel known = find_library_model(written);
  return known.name.empty() ? std::nullopt : std::optional<ModelName>({known.name, known.weight_dtype});
}

}  // namespace orrery::scenarios

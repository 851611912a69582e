#include "scenarios/search/search_rows.hpp"

#include <memory>

namespace orrery::scenarios {

SearchRows grid_of(std::vector<SweepAxis> axes) {
  std::size_t count = 1;
  for (const SweepAxis& axis : axes) count *= axis.values.size();
  const auto shared = std::make_shared<const std::vector<SweepAxis>>(std::move(axes));
  return {count, [shared](std::size_t index) {
            std::vector<Override> set(shared->size());
            for (std::size_t i = shared->size(); i-- > 0;) {
              const SweepAxis& axis = (*shared)[i];
              set[i] = {axis.key, axis.values[index % axis.values.size()], "sweep"};
              index /= axis.values.size();
            }
            return set;
          }};
}

}  // namespace orrery::scenarios

#include "gui/view/views.hpp"

#include "gui/timeline/timeline_view.hpp"
#include "gui/view/collective_view.hpp"
#include "gui/view/compare_view.hpp"
#include "gui/view/explain_view.hpp"
#include "gui/view/latency_view.hpp"
#include "gui/view/links_view.hpp"
#include "gui/view/load_view.hpp"
#include "gui/view/memory_view.hpp"
#include "gui/view/pipeline_view.hpp"

namespace orrery::gui {

namespace {

template <class View>
RunView* make_view(QWidget* parent) {
  return new View(parent);
}

}  // namespace

const std::vector<ViewRow>& views() {
  static const std::vector<ViewRow> rows = {
      {"timeline", "Timeline", "what every stream does over time", "", make_view<TimelineView>},
      {"memory", "Memory", "bytes of each kind on a GPU, against its capacity", "", make_view<MemoryView>},
      {"pipeline", "Pipeline", "passes of the microbatches through the stages", "training", make_view<PipelineView>},
      {"latency", "Latency", "distributions of TTFT, TPOT, end-to-end and queueing time", "serving",
       make_view<LatencyView>},
      {"load", "Load", "requests running and waiting, and the KV cache, over time", "serving", make_view<LoadView>},
      {"links", "Links", "what each class of links carried, when, and whom it held up", "", make_view<LinksView>},
      {"collective", "Collective", "what a collective takes over sizes on this cluster, as nccl-tests prints it", "",
       make_view<CollectiveView>},
      {"explain", "Explain", "where a figure comes from: equations, terms and sources", "", make_view<ExplainView>},
      {"compare", "Compare", "two runs side by side", "", make_view<CompareView>},
  };
  return rows;
}

const ViewRow* find_view(std::string_view name) {
  for (const ViewRow& row : views()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace orrery::gui

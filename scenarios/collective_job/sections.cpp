// `collective:` read and checked, and its keys as data.
#include "scenarios/sections.hpp"

#include "calibrate/nccl_types.hpp"
#include "scenarios/collective_job/job.hpp"
#include "scenarios/schema_fields.hpp"

namespace orrery::scenarios {

namespace {

using hardware::MapReader;
using hardware::Range;

struct CollectiveReader {
  MapReader* reader;

  void operation(std::string_view key, std::string& field) const {
    std::vector<std::string> names;
    for (const models::OperationRow& row : models::operations()) names.emplace_back(row.name);
    const std::size_t chosen = reader->choice(key, names);
    if (chosen < names.size()) field = names[chosen];
  }
  void bytes(std::string_view key, Bytes& field) const { field = reader->bytes(key, Range::positive()); }
  void dtype(std::string_view key, Dtype& field) const { field = read_dtype(*reader, key, field); }
  void integer(std::string_view key, int& field, const IntegerLimits& limits) const {
    field = static_cast<int>(reader->integer_or(key, field, Range::between(limits.least, limits.most)));
  }
  void seconds(std::string_view key, Seconds& field) const { field = read_moment(*reader, key, field); }
  void boolean(std::string_view key, bool& field) const { field = reader->boolean_or(key, field); }
};

struct CollectiveLister : FieldLister {
  void operation(std::string_view key, const std::string& value) const { menu(key, choices_of("operations"), value); }
};

std::vector<Field> fields_of_calls(const CollectiveSpec& spec) {
  std::vector<Field> fields;
  visit_collective(spec, CollectiveLister{{"collective", &fields}});
  return fields;
}

constexpr std::string_view kCollectiveTemplate =
    R"yaml(# An Orrery scenario: one operation among GPUs that do nothing else.
# Try it:      orrery run FILE
# What-if:     orrery run FILE --set collective.bytes="64 MiB"
# Why:         orrery explain FILE
# As nccl-tests would print it over sizes: orrery collective all_reduce --cluster FILE
scenario: "all_reduce of 1 GiB on four 8-GPU H100 nodes"

cluster:
  node: dgx_h100            # orrery list nodes
  nodes: 4
  fabric: rail_fat_tree_ndr # orrery list fabrics

collective:
  operation: all_reduce     # orrery list operations; incast and halfway are messages between GPUs
  bytes: 1 GiB              # the buffer of a collective (nccl-tests' size), or each message
  dtype: bf16
  # gpus: 32                # default: all from placement.first_node on
  # gpus_per_node: 1        # that are taken of a node; default: all
  # receivers: 1            # of an incast: the first GPUs, where the others' messages go
  # calls: 10               # one after another
  # interval: 1 s           # from the beginning of a call to that of the next, at least
  # background: true        # goes on as long as other jobs do

# Figures to hold the prediction to; `orrery check FILE` tests them.
expect:
  - metric: collective.bus_bytes_per_s   # orrery list metrics
    value: 330.9 GB/s
    tolerance: 5 %
    source: "nccl-tests on 4 x 8 H100 with 400 Gb/s cards (Voltage Park)"

# The same scenario with changes, reported beside it.
# variants:
#   - name: a tree
#     set: {cluster.collective_algorithm: tree}
)yaml";

}  // namespace

std::shared_ptr<const JobSpec> read_collective(const JobSource& source) {
  auto spec = std::make_shared<CollectiveSpec>();
  spec->job.cluster = source.cluster;
  spec->job.first_node = source.placement.first_node;
  spec->job.spread = source.placement.spread;
  MapReader reader(&source.node, "collective", *source.diagnostics);
  visit_collective(*spec, CollectiveReader{&reader});
  reader.finish();
  return spec;
}

std::vector<models::JobError> check_collective(const JobSpec& of_job) {
  const auto& spec = dynamic_cast<const CollectiveSpec&>(of_job);
  std::vector<models::JobError> errors = models::check(spec.job);
  const models::OperationRow* row = models::find_operation(spec.job.operation);
  if (row == nullptr || !row->collective) return errors;
  std::string refusal = calibrate::sum_refusal(*row->collective, calibrate::nccl_type(spec.job.dtype));
  if (!refusal.empty()) errors.push_back({"collective.dtype", std::move(refusal)});
  return errors;
}

std::string_view collective_template() { return kCollectiveTemplate; }

std::vector<Field> collective_fields() {
  std::vector<Field> fields = fields_of_calls({});
  for (Field& field : fields) field.required = field.key == "collective.operation" || field.key == "collective.bytes";
  return fields;
}

const std::vector<FieldHelp>& collective_help() {
  static const std::vector<FieldHelp> rows = {
      {"collective.operation", "What is called: a collective of all GPUs of the job, or messages between them", ""},
      {"collective.bytes", "The buffer of a collective, as nccl-tests' size, or each of the messages", ""},
      {"collective.dtype", "Number format of what is reduced: it decides what NCCL can do in a switch", ""},
      {"collective.gpus", "How many GPUs take part", "all from the first node on"},
      {"collective.gpus_per_node", "How many of a node's GPUs take part", "all"},
      {"collective.receivers", "Of an incast: how many GPUs, the first ones, the others' messages go to", ""},
      {"collective.calls", "How many calls are made; more show what changes between them", ""},
      {"collective.interval", "Time from the beginning of a call to that of the next, at least", ""},
      {"collective.background", "Calls go on as long as another job does", ""},
  };
  return rows;
}

std::string collective_value(const JobView& view, std::string_view key) {
  CollectiveSpec shown = spec_of<CollectiveSpec>(view.job);
  shown.job.gpus = models::members_of(shown.job);
  if (shown.job.gpus_per_node == 0) shown.job.gpus_per_node = models::make_placement(shown.job).per_node;
  return find_value(fields_of_calls(shown), key);
}

}  // namespace orrery::scenarios

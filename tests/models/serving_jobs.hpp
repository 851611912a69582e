// Serving jobs that take milliseconds: a small model on hand-built hardware under the datasheet roofline.
#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "models/serving/serving.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::models::testing {

/// 4 layers of width 512, 4 heads of 128 with their own KV, gated MLP.
inline Llm small_llm() {
  Llm llm;
  llm.name = "test-llama";
  llm.hidden = 512;
  llm.layers = 4;
  llm.vocab = 32000;
  llm.max_positions = 4096;
  llm.attention.heads = llm.attention.kv_heads = 4;
  llm.attention.head_dim = 128;
  llm.mlp.inter = 1536;
  llm.mlp.gated = true;
  return llm;
}

/// All at once, 32 tokens in and 8 out; 1,000 blocks of 16 tokens, prompts and answers up to 1,024 tokens.
inline ServingJob small_job(std::int64_t requests = 10) {
  ServingJob job;
  job.llm = small_llm();
  job.cluster = small_cluster(1);
  job.config.max_model_len = 1024;
  job.config.max_num_seqs = 16;
  job.config.max_num_batched_tokens = 256;
  job.config.num_gpu_blocks = 1000;
  job.config.load.arrivals = "burst";
  job.config.load.requests = requests;
  job.config.load.input.mean = 32;
  job.config.load.output.mean = 8;
  return job;
}

/// Requests as a test wrote them down, in order of arrival.
class ListWorkload : public Workload {
 public:
  explicit ListWorkload(std::vector<Request> requests) : requests_(std::move(requests)) {
    for (std::size_t i = 0; i < requests_.size(); ++i) requests_[i].id = i;
  }

  std::optional<sim::SimTime> next_arrival() override {
    if (next_ == requests_.size()) return std::nullopt;
    return requests_[next_].arrival;
  }
  Request take() override { return requests_[next_++]; }
  void ended(const Request& request, sim::SimTime now) override { ends.emplace_back(request.id, now); }

  std::vector<std::pair<std::uint64_t, sim::SimTime>> ends;

 private:
  std::vector<Request> requests_;
  std::size_t next_ = 0;
};

inline Request request(std::int64_t input, std::int64_t output, sim::SimTime arrival = 0) {
  Request r;
  r.arrival = arrival;
  r.input_tokens = input;
  r.output_tokens = output;
  return r;
}

/// Serves with records and a timeline.
inline ServingResult serve(const ServingJob& job, bool coalesce = true, std::shared_ptr<Workload> workload = nullptr) {
  ServingOptions options;
  options.keep_records = options.keep_timeline = true;
  options.coalesce = coalesce;
  if (workload) options.workload = [workload = std::move(workload)] { return workload; };
  return predict(job, RooflineTimer{}, options);
}

inline ServingResult serve(const ServingJob& job, std::vector<Request> requests) {
  return serve(job, true, std::make_shared<ListWorkload>(std::move(requests)));
}

/// Each ended once, or the test fails.
inline std::map<std::uint64_t, RequestRecord> by_id(const ServingResult& result) {
  std::map<std::uint64_t, RequestRecord> records;
  for (const RequestRecord& record : result.records) {
    EXPECT_TRUE(records.emplace(record.id, record).second) << "request " << record.id << " ended twice";
  }
  return records;
}

inline double seconds(sim::SimTime time) { return static_cast<double>(time) * 1e-12; }

}  // namespace orrery::models::testing

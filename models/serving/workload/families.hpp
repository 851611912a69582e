// The members of the three tables of loads. To add one: its file, a line here and its row in the table.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "models/serving/workload/workload.hpp"

namespace orrery::models {

// Arrival processes (table: arrivals.cpp).
[[nodiscard]] std::unique_ptr<Workload> make_constant(const LoadConfig& load, std::uint64_t seed);
[[nodiscard]] std::unique_ptr<Workload> make_poisson(const LoadConfig& load, std::uint64_t seed);
[[nodiscard]] std::unique_ptr<Workload> make_gamma(const LoadConfig& load, std::uint64_t seed);
[[nodiscard]] std::unique_ptr<Workload> make_burst(const LoadConfig& load, std::uint64_t seed);
[[nodiscard]] std::unique_ptr<Workload> make_closed_loop(const LoadConfig& load, std::uint64_t seed);
[[nodiscard]] std::unique_ptr<Workload> make_trace(const LoadConfig& load, std::uint64_t seed);

// Length distributions (table: lengths.cpp).
[[nodiscard]] std::unique_ptr<LengthSource> make_fixed_length(const LengthConfig& config);
[[nodiscard]] std::unique_ptr<LengthSource> make_lognormal_length(const LengthConfig& config);
[[nodiscard]] std::unique_ptr<LengthSource> make_uniform_length(const LengthConfig& config);
[[nodiscard]] std::unique_ptr<LengthSource> make_empirical_length(const LengthConfig& config);

// Trace formats (table: traces.cpp): how a record is read, and how a file that isn't lines is cut into records.
[[nodiscard]] TraceEntry parse_mooncake(std::string_view header, std::string_view line);
[[nodiscard]] TraceEntry parse_mooncake_csv(std::string_view header, std::string_view line);
[[nodiscard]] TraceEntry parse_azure(std::string_view header, std::string_view line);
[[nodiscard]] TraceEntry parse_azure_csv(std::string_view header, std::string_view line);
[[nodiscard]] TraceEntry parse_length_table(std::string_view header, std::string_view line);
[[nodiscard]] TraceEntry parse_burstgpt(std::string_view header, std::string_view line);
[[nodiscard]] TraceEntry parse_vidur(std::string_view header, std::string_view line);
[[nodiscard]] TraceEntry parse_vidur_lengths(std::string_view header, std::string_view line);
[[nodiscard]] TraceEntry parse_llmservingsim(std::string_view header, std::string_view line);
[[nodiscard]] TraceEntry parse_aiperf(std::string_view header, std::string_view line);
[[nodiscard]] TraceEntry parse_sharegpt(std::string_view header, std::string_view item);
[[nodiscard]] std::unique_ptr<RecordReader> open_items(std::unique_ptr<ByteReader> bytes);
[[nodiscard]] std::unique_ptr<RecordReader> open_inputs_json(std::unique_ptr<ByteReader> bytes);
[[nodiscard]] TraceEntry parse_inputs_json(std::string_view header, std::string_view record);
[[nodiscard]] std::unique_ptr<RecordReader> open_turns(std::unique_ptr<ByteReader> bytes);
[[nodiscard]] TraceEntry parse_vllm_bench(std::string_view header, std::string_view record);
[[nodiscard]] std::unique_ptr<RecordReader> open_vllm_bench(std::unique_ptr<ByteReader> bytes);

}  // namespace orrery::models
